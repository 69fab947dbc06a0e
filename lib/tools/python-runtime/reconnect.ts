/** The private part of the class of a client: how it connects, and connects again. */
export const reconnect = String.raw`    async def _run(self) -> None:
        """Connects again and again, until the client is closed."""
        failures = 0
        while self._ended is None:
            try:
                connection = await self._connect()
            except Exception as error:
                self.last_error = error
                refusal = _refusal_of(error, callable(self._token))
                if refusal:
                    self._finish(refusal)
                    return
                failures += 1
                await asyncio.sleep(max(_retry_after(error), _backoff(failures)))
                continue
            started = time.monotonic()
            code, reason = await self._serve(connection)
            if code in _FINAL_CODES:
                self._finish(
                    Closed(
                        f"the server closed the connection with {code}: {reason}", code
                    )
                )
                return
            failures = 1 if time.monotonic() - started > 5 else failures + 1
            await asyncio.sleep(0 if code == _LEFT else _backoff(failures))

    async def _connect(self) -> _Connection:
        socket = await self._upgrade.connect(await _fetch(self._token))
        connection = _Connection(socket, self._receive)
        try:
            await asyncio.wait_for(connection.welcomed, _OPEN_TIMEOUT)
        except (asyncio.TimeoutError, Disconnected, asyncio.CancelledError):
            await connection.close(_LEFT)
            raise
        return connection

    async def _serve(self, connection: _Connection) -> tuple[int, str]:
        """Joins the channels, and waits until the connection has ended."""
        self._link = connection
        self._tell("open")
        for channel in list(self._channels.values()):
            self._start(channel._join_over(connection))
        code, reason = await connection.closed()
        self._link = None
        for channel in list(self._channels.values()):
            channel._disconnect()
        if self._ended is None:
            self._tell("connecting")
        return (_LEFT if connection.is_left else code), reason

    def _receive(self, connection: _Connection, envelope: dict[str, Any]) -> None:
        address = envelope.get("channel")
        if address is not None:
            channel = self._channels.get(address)
            if channel:
                channel._receive(connection, envelope)
        elif envelope["type"] == "reconnect":
            self._start(self._move(connection, envelope["payload"]["delay"] / 1000))
        else:
            self._emit(envelope)

    async def _move(self, connection: _Connection, delay: float) -> None:
        """The server is about to close: leaves it after the delay, when the replies have come."""
        await asyncio.sleep(delay)
        await connection.settled()
        if connection.is_open:
            connection.is_left = True
            await connection.close(_LEFT)


class _Upgrade:
    """How a connection is asked for."""

    def __init__(
        self,
        url: str,
        carrier: str,
        headers: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> None:
        self._url = url
        self._carrier = carrier
        self._headers = headers
        self._options = options

    async def connect(self, token: str | None) -> Any:
        url, headers, protocols = self._url, dict(self._headers), [_SUBPROTOCOL]
        if token:
            encoded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
            is_plain = re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_'|~-]+", token) is not None
            if self._carrier == "subprotocol":
                protocols.append(
                    f"bearer.{token}" if is_plain else f"bearer64.{encoded}"
                )
            elif self._carrier == "query":
                url += (
                    ("&" if "?" in url else "?")
                    + "token="
                    + urllib.parse.quote(token, safe="")
                )
            elif self._carrier.startswith("cookie:"):
                headers["Cookie"] = (
                    f"{self._carrier[7:]}={urllib.parse.quote(token, safe='')}"
                )
            else:
                headers["Authorization"] = (
                    f"Bearer {token}" if is_plain else f"Bearer64 {encoded}"
                )
        options: dict[str, Any] = {
            "open_timeout": _OPEN_TIMEOUT,
            "close_timeout": 2,
            "max_size": 2**20,
            **self._options,
        }
        options[_HEADERS_OPTION] = headers
        return await cast(Any, websockets).connect(
            url, subprotocols=protocols, **options
        )


_HEADERS_OPTION = (
    "extra_headers"
    if int(metadata.version("websockets").split(".")[0]) < 14
    else "additional_headers"
)
_FINAL_CODES = {1000, 1002, 1003, 1007, 1008, 1009, 3003}
"""After these close codes another attempt cannot succeed."""
_FINAL_STATUSES = {400, 403, 404, 426}
_LEFT = 4001
"""The close code of a client that comes back."""


async def _fetch(token: Token) -> str | None:
    if not callable(token):
        return token
    fetched = token()
    return fetched if isinstance(fetched, str) else await fetched


def _backoff(failures: int) -> float:
    """Seconds to wait: at random, so that not all clients come back at once."""
    return random.uniform(0, min(20, 0.5 * 2 ** min(failures - 1, 10)))


def _answer_of(error: Exception) -> tuple[int | None, Any]:
    """The status and the headers with which an upgrade was refused."""
    answer = getattr(error, "response", error)
    return getattr(answer, "status_code", None), getattr(answer, "headers", {})


def _retry_after(error: Exception) -> float:
    seconds = str(_answer_of(error)[1].get("Retry-After", ""))
    return float(seconds) if seconds.isdigit() else 0


def _refusal_of(error: Exception, can_fetch: bool) -> Closed | None:
    """Why another attempt cannot succeed, or None. A new token may help after 401."""
    status, _ = _answer_of(error)
    if status in _FINAL_STATUSES or (status == 401 and not can_fetch):
        return Closed(f"the server answered the upgrade with {status}", status=status)
    return Closed(str(error)) if isinstance(error, InvalidURI) else None
`
