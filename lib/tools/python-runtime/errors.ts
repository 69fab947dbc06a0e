/** The errors that a client raises. */
export const errors = String.raw`class ChannelsError(Exception):
    """The base class of the errors of this module."""


class RequestError(ChannelsError):
    """The server answered a message with 'error'."""

    CODE: ClassVar[str] = ""
    _details: ClassVar[Any] = Any

    def __init__(self, message: str, payload: Mapping[str, Any], details: Any) -> None:
        super().__init__(
            f"{message} failed with {payload['code']}: {payload['message']}"
        )
        self.code: str = payload["code"]
        self.details = details
        self.retry_after: float | None = payload.get("retryAfter")
        """Milliseconds after which another attempt makes sense."""
        self.appended: int | None = payload.get("appended")
        """The offset of the last entry that the message appended before it failed. The entry stands."""


class Disconnected(ChannelsError):
    """There is no connection, or it was lost before the reply."""


class NotJoined(ChannelsError):
    """The channel was left."""


class UnknownOutcome(ChannelsError):
    """An idempotent message got no reply in time. It may have had an effect."""


class Closed(ChannelsError):
    """The client is closed, or the server refuses it for good: see 'code' of the close, or 'status' of the upgrade."""

    def __init__(
        self, reason: str, code: int | None = None, status: int | None = None
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status


class Overflow(ChannelsError):
    """Messages waited for an iterator that did not take them."""


class InvalidMessage(ChannelsError, ValueError):
    """A message was not sent, because the server would refuse it."""


class DecodeError(ChannelsError, ValueError):
    """A message of the server does not match its type."""


def _request_error(
    message: str, payload: Mapping[str, Any], declared: Sequence[type[RequestError]]
) -> RequestError:
    for error in declared:
        if error.CODE == payload["code"]:
            return error(
                message, payload, _decode(error._details, payload.get("details"))
            )
    return RequestError(message, payload, payload.get("details"))
`
