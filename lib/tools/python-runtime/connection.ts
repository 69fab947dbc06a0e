/** One WebSocket connection: replies, and limits. */
export const connection = String.raw`_log = logging.getLogger("fastify_channels")
_SUBPROTOCOL = "fastify-channels.v1"
_REPLY_TIMEOUT = 35.0
"""Seconds to wait for a reply. The server gives up after 30."""
_OPEN_TIMEOUT = 10.0


@dataclass(frozen=True)
class Limits:
    """What the server refuses to read, as it says in 'welcome'."""

    message_bytes: int = 65_536
    channel_length: int = 256
    depth: int = 64


class _Connection:
    """One WebSocket connection: matches replies to requests, and hands on every other message."""

    def __init__(
        self, socket: Any, receive: Callable[[_Connection, dict[str, Any]], None]
    ) -> None:
        self._socket = socket
        self._receive = receive
        self._requests: dict[
            str, tuple[asyncio.Future[dict[str, Any]], Callable[[Any], None] | None]
        ] = {}
        self.limits = Limits()
        self.is_open = True
        self.is_left = False
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read())

    async def request(
        self, envelope: dict[str, Any], on_ack: Callable[[Any], None] | None = None
    ) -> dict[str, Any]:
        """The ack, or the error. Raises Disconnected when the connection ends first."""
        name = str(envelope.setdefault("correlationId", uuid.uuid4().hex))
        text = self._text_of(envelope)
        if not self.is_open:
            raise Disconnected("the connection is closed")
        reply: asyncio.Future[dict[str, Any]] = (
            asyncio.get_running_loop().create_future()
        )
        self._requests[name] = (reply, on_ack)
        try:
            await self._socket.send(text)
            return await asyncio.wait_for(reply, _REPLY_TIMEOUT)
        except asyncio.TimeoutError:
            raise Disconnected("the server sent no reply") from None
        except ConnectionClosed as error:
            raise Disconnected("the connection was lost") from error
        finally:
            self._requests.pop(name, None)

    async def settled(self) -> None:
        """Waits until every request is answered, for a moment at most."""
        replies = [reply for reply, _ in self._requests.values()]
        if replies:
            await asyncio.wait(replies, timeout=5)

    async def closed(self) -> tuple[int, str]:
        """The close code and reason, once the connection has ended: 1006 when it was lost."""
        await asyncio.wait([self._reader])
        return int(self._socket.close_code or 1006), str(
            self._socket.close_reason or ""
        )

    async def close(self, code: int) -> None:
        self.is_open = False
        await self._socket.close(code)
        await self.closed()

    def _text_of(self, envelope: dict[str, Any]) -> str:
        try:
            text = json.dumps(
                envelope, ensure_ascii=False, allow_nan=False, separators=(",", ":")
            )
            size = len(text.encode())
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidMessage(
                f"'{envelope['type']}' cannot be sent as JSON: {error}"
            ) from error
        if size > self.limits.message_bytes:
            raise InvalidMessage(
                f"'{envelope['type']}' has {size} bytes; the server takes {self.limits.message_bytes}"
            )
        if (
            len(envelope.get("channel", "").encode("utf-16-le")) // 2
            > self.limits.channel_length
        ):
            raise InvalidMessage(
                f"the address of the channel has more than {self.limits.channel_length} characters"
            )
        if _depth_of(envelope) > self.limits.depth:
            raise InvalidMessage(
                f"'{envelope['type']}' is nested deeper than {self.limits.depth} levels"
            )
        return text

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                self._take(json.loads(text))
        except ConnectionClosed:
            pass
        except Exception:
            _log.exception(
                "the connection is closed, because a message of the server cannot be read"
            )
            await self._socket.close(1002)
        finally:
            self.is_open = False
            lost = Disconnected("the connection was lost before the reply")
            for reply, _ in self._requests.values():
                if not reply.done():
                    reply.set_exception(lost)
            if not self.welcomed.done():
                self.welcomed.set_exception(lost)

    def _take(self, envelope: dict[str, Any]) -> None:
        payload = envelope.get("payload")
        if envelope["type"] == "welcome":
            limits = payload["limits"] if payload else {}
            self.limits = Limits(
                limits["messageBytes"], limits["channelLength"], limits["depth"]
            )
            if not self.welcomed.done():
                self.welcomed.set_result(None)
        reply, on_ack = self._requests.get(
            envelope.get("correlationId", ""), (None, None)
        )
        if reply is None or reply.done():
            self._receive(self, envelope)
            return
        if on_ack and envelope["type"] == "ack":
            # Here, and not where the reply is awaited, because the messages after it may be read before that.
            on_ack(payload)
        reply.set_result(envelope)


def _depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth_of(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth_of(item) for item in value), default=0)
    return 0
`
