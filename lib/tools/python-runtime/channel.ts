/** A channel, as its users see it. */
export const channel = String.raw`@dataclass(frozen=True)
class Position:
    """A point in the history of a channel. Keep it, and a later process continues from there."""

    epoch: str
    offset: int
    hash: str


@dataclass(frozen=True)
class Resync(Generic[StateT]):
    """Discard what is known of the channel. The messages after the snapshot follow."""

    reason: str
    """'fresh' for the first join, else why missed messages cannot be recovered."""
    snapshot: StateT | None


@dataclass(frozen=True)
class PresenceChange(Generic[UserT]):
    """What changed in the presence list."""

    joined: Mapping[str, UserT]
    updated: Mapping[str, UserT]
    left: Sequence[str]


@dataclass(frozen=True)
class HistoryPage(Generic[MessageT]):
    """Older messages. 'before' is what to ask for the next page with."""

    messages: Sequence[MessageT]
    has_more: bool
    before: int | None


class Channel(_Messaging[MessageT], Generic[MessageT, UserT, StateT]):
    """One channel. It stays joined across reconnects, until 'leave', or until the server ends it."""

    PATTERN: ClassVar[str] = ""
    _presence_type: ClassVar[Any] = Any
    _snapshot_type: ClassVar[Any] = Any

    def __init__(
        self,
        client: ChannelsClient[Any],
        params: Mapping[str, str],
        since: Position | None = None,
    ) -> None:
        super().__init__()
        for name, value in params.items():
            if value == "" or "/" in value:
                raise ValueError(
                    f"invalid param '{name}' of '{self.PATTERN}': pass a text without a slash"
                )
        parts = [
            params[part[1:]] if part.startswith(":") else part
            for part in self.PATTERN.split("/")
        ]
        self.address = "/".join(parts)
        self.position = since
        """The newest known point in the history. None where the channel has none."""
        self.presence: dict[str, UserT] = {}
        """The data of each user in the channel. While disconnected: the last known ones."""
        self.presence_count: int | None = None
        """The number of users, where the contract tells no more."""
        self._client = client
        self._link: _Connection | None = None
        self._ended: Exception | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._on_presence: list[Callable[[Any], object]] = []
        self._on_resync: list[Callable[[Any], object]] = []
        self._on_left: list[Callable[[Any], object]] = []

    async def __aenter__(self: ChannelT) -> ChannelT:
        await self.join()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def join(self, timeout: float = _REPLY_TIMEOUT) -> None:
        """Becomes a member. Add the listeners before. Raises RequestError where the server refuses it."""
        self._ended = None
        self._client._add_channel(self)
        try:
            await asyncio.wait_for(self._connected(True), timeout)
        except asyncio.TimeoutError:
            await self.leave()
            raise Disconnected(
                f"'{self.address}' was not joined within {timeout:.0f} s"
            ) from None

    async def leave(self) -> None:
        """Ends the membership. Never raises. 'join' continues from the position."""
        if not self._client._has_channel(self):
            return
        link = self._link or self._client._link
        self._end(NotJoined(f"'{self.address}' was left"))
        if link:
            try:
                await link.request({"type": "leave", "channel": self.address})
            except ChannelsError:
                pass

    async def send(self: ChannelT, request: Request[ChannelT, ReplyT]) -> ReplyT:
        """Sends a message, and returns its reply. Raises RequestError where the server refuses it.

        An idempotent message waits for the channel, and is sent again until it is answered, for at most 90 s. Another
        one raises Disconnected without a connection, or when it is lost before the reply.
        """
        return await _exchange(self._connected, self.address, request)

    async def request(self, type: str, payload: Any = UNSET) -> Any:
        """Sends a message as JSON, unchecked: for what this module does not know. Returns the payload of the ack."""
        envelope: dict[str, Any] = {"type": type, "channel": self.address}
        if payload is not UNSET:
            envelope["payload"] = payload
        reply = await (self._link or self._client._open_connection()).request(envelope)
        if reply["type"] == "error":
            raise _request_error(f"'{type}'", reply["payload"], ())
        return reply.get("payload")

    async def history(
        self, before: int | None = None, limit: int = 100
    ) -> HistoryPage[MessageT]:
        """Up to 'limit' older messages: those before the offset, or the newest ones."""
        asked: dict[str, Any] = {"limit": limit}
        if before is not None:
            asked["before"] = before
        if self.position:
            asked["epoch"] = self.position.epoch
        page = await self.request("history", asked)
        messages = [
            message
            for message in map(self._read_message, page["messages"])
            if message is not None
        ]
        return HistoryPage(
            messages,
            page["hasMore"],
            page["messages"][0]["offset"] if page["messages"] else None,
        )

    def on_presence(
        self, listener: Callable[[PresenceChange[UserT] | None], object]
    ) -> Callable[[], None]:
        """Calls 'listener' when 'presence' or 'presence_count' is new: with the change, or with None for a new list."""
        return _add(self._on_presence, listener)

    def on_resync(
        self, listener: Callable[[Resync[StateT]], object]
    ) -> Callable[[], None]:
        """Calls 'listener' when the history starts, or starts again. Its messages arrive next."""
        return _add(self._on_resync, listener)

    def on_left(self, listener: Callable[[Exception], object]) -> Callable[[], None]:
        """Calls 'listener' when the server ends the membership, or refuses it after a reconnect."""
        return _add(self._on_left, listener)
`
