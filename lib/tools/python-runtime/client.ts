/** A client, as its users see it. */
export const client = String.raw`Token: TypeAlias = "str | Callable[[], str | Awaitable[str]] | None"
"""A token, or a function that fetches one before each attempt to connect."""


class ChannelsClient(_Messaging[MessageT], Generic[MessageT]):
    """Connects to a route, and stays connected until 'close'. Use it with 'async with'.

    'carrier' says where the token travels: 'header', 'subprotocol', 'query', or 'cookie:' and the name of the cookie.
    """

    _carrier: ClassVar[str] = "header"

    def __init__(
        self,
        url: str,
        *,
        token: Token = None,
        carrier: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.url = url
        self.last_error: Exception | None = None
        """Why the last attempt to connect failed."""
        self._token = token
        self._upgrade = _Upgrade(url, carrier or self._carrier, headers or {}, options)
        self._channels: dict[str, Channel[Any, Any, Any]] = {}
        self._link: _Connection | None = None
        self._ended: Exception | None = None
        self._changed = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._on_state: list[Callable[[Any], object]] = []

    @property
    def state(self) -> Literal["connecting", "open", "closed"]:
        if self._ended:
            return "closed"
        return "open" if self._link else "connecting"

    def on_state(self, listener: Callable[[str], object]) -> Callable[[], None]:
        """Calls 'listener' with each new state: 'connecting', 'open' or 'closed'."""
        return _add(self._on_state, listener)

    async def __aenter__(self: ClientT) -> ClientT:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, timeout: float = _REPLY_TIMEOUT) -> None:
        """Connects. Raises Closed where the server refuses the client for good, Disconnected after 'timeout'."""
        if self._runner is None or self._runner.done():
            self._ended = None
            self._runner = asyncio.create_task(self._run())
        try:
            await asyncio.wait_for(self._connected(True), timeout)
        except asyncio.TimeoutError:
            await self.close()
            raise Disconnected(
                f"no connection within {timeout:.0f} s: {self.last_error}"
            ) from self.last_error

    async def close(self) -> None:
        """Leaves all channels, and closes the connection."""
        self._finish(Closed("the client was closed"))
        runner, link = self._runner, self._link
        if link:
            await link.close(1000)
        if runner:
            runner.cancel()
            await asyncio.wait([runner])

    async def closed(self) -> Exception:
        """Waits until the client is closed: by 'close', or because the server refuses it for good. Returns why."""
        while self._ended is None:
            self._changed.clear()
            await self._changed.wait()
        return self._ended

    async def send(self: ClientT, request: Request[ClientT, ReplyT]) -> ReplyT:
        """Sends a message of the connection itself, and returns its reply."""
        return await _exchange(self._connected, None, request)

    async def refresh(self) -> None:
        """Fetches a token, and replaces that of the connection. Raises RequestError where the server refuses it."""
        envelope = {"type": "refresh", "payload": {"token": await _fetch(self._token)}}
        reply = await self._open_connection().request(envelope)
        if reply["type"] == "error":
            raise _request_error("'refresh'", reply["payload"], ())

    async def _connected(self, wait: bool) -> _Connection:
        while wait and self._link is None and self._ended is None:
            self._changed.clear()
            await self._changed.wait()
        return self._open_connection()

    def _open_connection(self) -> _Connection:
        if self._link:
            return self._link
        raise self._ended or Disconnected("there is no connection")

    def _add_channel(self, channel: Channel[Any, Any, Any]) -> None:
        if self._ended:
            raise self._ended
        if channel.address in self._channels:
            raise ValueError(
                f"'{channel.address}' is joined already by this client: share the channel"
            )
        self._channels[channel.address] = channel
        if self._link:
            self._start(channel._join_over(self._link))

    def _has_channel(self, channel: Channel[Any, Any, Any]) -> bool:
        return self._channels.get(channel.address) is channel

    def _remove_channel(self, channel: Channel[Any, Any, Any]) -> None:
        if self._has_channel(channel):
            del self._channels[channel.address]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _finish(self, error: Exception) -> None:
        if self._ended:
            return
        self._ended = error
        for channel in list(self._channels.values()):
            channel._end(error)
        self._end_iterators()
        self._tell("closed")

    def _tell(self, state: str) -> None:
        self._changed.set()
        _call(self._on_state, state)
`
