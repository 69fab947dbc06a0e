/** Listeners, iterators, and messages that are sent again. */
export const messaging = String.raw`class Messages(Generic[MessageT]):
    """The messages of a channel, or of the connection, one after another: 'async for message in channel.messages()'."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[MessageT] = deque()
        self._error: Exception = StopAsyncIteration()
        self._is_open = True
        self._changed = asyncio.Event()

    def __aiter__(self) -> Messages[MessageT]:
        return self

    async def __anext__(self) -> MessageT:
        while not self._waiting:
            if not self._is_open:
                raise self._error
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()

    def _put(self, message: Any) -> None:
        if not self._is_open:
            return
        if len(self._waiting) < self._limit:
            self._waiting.append(message)
            self._changed.set()
        else:
            self._end(
                Overflow(
                    f"{self._limit} messages wait for an iterator: take them faster, or raise its limit"
                )
            )

    def _end(self, error: Exception | None = None) -> None:
        self._is_open = False
        self._error = error or self._error
        self._changed.set()


class _Messaging(Generic[MessageT]):
    """What a channel and the connection share: listeners, and requests."""

    _events: ClassVar[Mapping[str, type[Event]]] = {}

    def __init__(self) -> None:
        self._listeners: dict[type[Event], list[Callable[[Any], object]]] = {}
        self._iterators: weakref.WeakSet[Messages[MessageT]] = weakref.WeakSet()

    def on(
        self, event: type[EventT], listener: Callable[[EventT], object]
    ) -> Callable[[], None]:
        """Calls 'listener' with each message of this type. Returns a function that removes it.

        Listeners run in the order of the messages, and delay all other messages. Hand slow work to a task.
        """
        if event not in self._events.values():
            raise TypeError(f"{type(self).__name__} has no message {event.__name__}")
        return _add(self._listeners.setdefault(event, []), listener)

    def messages(self, limit: int = 10_000) -> Messages[MessageT]:
        """The messages from now on. At most 'limit' of them wait; then the iterator raises Overflow."""
        iterator: Messages[MessageT] = Messages(limit)
        self._iterators.add(iterator)
        return iterator

    def _emit(self, envelope: Mapping[str, Any]) -> None:
        message = self._read_message(envelope)
        if message is None:
            return
        for iterator in list(self._iterators):
            iterator._put(message)
        _call(self._listeners.get(type(message), []), message)

    def _read_message(self, envelope: Mapping[str, Any]) -> Any:
        """The message, or None where it is none of this contract, or does not match its type."""
        event = self._events.get(envelope["type"])
        if event is None:
            return None
        try:
            return _message_of(event, envelope.get("payload"))
        except DecodeError as error:
            _log.error("a message '%s' is dropped: %s", envelope["type"], error)
            return None

    def _end_iterators(self, error: Exception | None = None) -> None:
        for iterator in list(self._iterators):
            iterator._end(error)


def _add(
    listeners: list[Callable[[Any], object]], listener: Callable[[Any], object]
) -> Callable[[], None]:
    listeners.append(listener)
    return lambda: listeners.remove(listener) if listener in listeners else None


def _call(listeners: Iterable[Callable[[Any], object]], *arguments: Any) -> None:
    for listener in list(listeners):
        try:
            listener(*arguments)
        except Exception:
            _log.exception("a listener failed")


_Connected: TypeAlias = Callable[[bool], Awaitable[_Connection]]
"""The connection to send over. With True it is waited for, with False its absence raises Disconnected."""


async def _exchange(
    connected: _Connected, channel: str | None, request: Request[Any, ReplyT]
) -> ReplyT:
    """Sends a message. An idempotent one is sent again under its id, until it is answered."""
    envelope: dict[str, Any] = {
        "type": request._type,
        "correlationId": uuid.uuid4().hex,
    }
    if channel is not None:
        envelope["channel"] = channel
    payload = _payload_of(request)
    if payload is not UNSET:
        envelope["payload"] = payload
    if not request._idempotent:
        return _result_of(
            request, envelope, await (await connected(False)).request(envelope)
        )
    try:
        return await asyncio.wait_for(
            _until_answered(connected, envelope, request), _IDEMPOTENT_TIMEOUT
        )
    except asyncio.TimeoutError:
        raise UnknownOutcome(
            f"'{request._type}' got no reply within {_IDEMPOTENT_TIMEOUT:.0f} s"
        ) from None


_IDEMPOTENT_TIMEOUT = 90.0
"""Seconds after which an idempotent message is given up. The server remembers it for 120."""


async def _until_answered(
    connected: _Connected, envelope: dict[str, Any], request: Request[Any, ReplyT]
) -> ReplyT:
    while True:
        pause = 0.5
        try:
            return _result_of(
                request, envelope, await (await connected(True)).request(envelope)
            )
        except Disconnected:
            pause = 0.05
        except RequestError as error:
            if error.code not in ("in_flight", "timeout", "unavailable"):
                raise
            pause = (error.retry_after or 500) / 1000
        await asyncio.sleep(pause)


def _result_of(
    request: Request[Any, ReplyT], envelope: Mapping[str, Any], reply: Mapping[str, Any]
) -> ReplyT:
    if reply["type"] == "error":
        raise _request_error(f"'{envelope['type']}'", reply["payload"], request._errors)
    if request._reply is None:
        return cast(ReplyT, None)
    return cast(ReplyT, _decode(request._reply, reply.get("payload")))
`
