/** Turns JSON into dataclasses, and back. */
export const values = String.raw`class Unset:
    """The type of UNSET."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()
"""A member that is absent, where 'None' is a value of its own."""


class Event:
    """A message from the server."""

    _type: ClassVar[str] = ""
    _form: ClassVar[str] = "fields"


class Request(Generic[OwnerT, ReplyT]):
    """A message to the server, with the reply that it gets."""

    _type: ClassVar[str] = ""
    _form: ClassVar[str] = "fields"
    _reply: ClassVar[Any] = None
    _errors: ClassVar[Sequence[type[RequestError]]] = ()
    _idempotent: ClassVar[bool] = False


def _encode(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if not is_dataclass(value) or isinstance(value, type):
        return value
    members: dict[str, Any] = {}
    for item in _fields_of(value):
        member = getattr(value, item.name)
        if item.metadata.get("extra"):
            members.update(_encode(member))
        elif member is not UNSET and (member is not None or item.default is not None):
            members[item.metadata.get("wire", item.name)] = _encode(member)
    return members


def _payload_of(request: Request[Any, Any]) -> Any:
    if request._form == "none":
        return UNSET
    return _encode(
        request if request._form == "fields" else getattr(request, "payload")
    )


def _message_of(event: type[Event], payload: Any) -> Event:
    if event._form == "none":
        return event()
    if event._form == "fields":
        return cast(Event, _decode(event, payload))
    make = cast(Callable[..., Event], event)
    return make(payload=_decode(_hints_of(make)["payload"], payload))


@functools.lru_cache(maxsize=None)
def _hints_of(owner: Any) -> dict[str, Any]:
    return get_type_hints(owner)


def _decode(hint: Any, value: Any) -> Any:
    """A value of JSON as the type says. Ignores members that the type does not have. Raises DecodeError."""
    if isinstance(hint, ForwardRef):
        hint = hint.__forward_arg__
    if isinstance(hint, str):
        hint = globals()[hint]
    if hint is Any or hint is Unset:
        return value
    if isinstance(hint, type) and is_dataclass(hint):
        return _decode_object(hint, value)
    if get_origin(hint) in (Union, UnionType):
        return _decode_union(get_args(hint), value)
    if get_origin(hint) is Literal:
        if any(
            value == choice and type(value) is type(choice) for choice in get_args(hint)
        ):
            return value
    elif get_origin(hint) is not None:
        return _decode_container(get_origin(hint), get_args(hint), value)
    elif _fits(hint, value):
        return int(value) if hint is int else value
    raise DecodeError(f"{value!r:.80} is not {getattr(hint, '__name__', hint)}")


def _fits(hint: Any, value: Any) -> bool:
    if hint in (None, type(None)):
        return value is None
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if hint is int:
        return isinstance(value, int) or (
            isinstance(value, float) and value.is_integer()
        )
    return isinstance(value, (int, float) if hint is float else hint)


def _decode_container(origin: Any, hints: tuple[Any, ...], value: Any) -> Any:
    if origin is dict and isinstance(value, dict):
        return {key: _decode(hints[1], item) for key, item in value.items()}
    if origin is list and isinstance(value, list):
        return [_decode(hints[0], item) for item in value]
    if origin is tuple and isinstance(value, list):
        hints = () if hints == ((),) else hints
        if len(hints) == len(value):
            return tuple(_decode(hint, item) for hint, item in zip(hints, value))
    raise DecodeError(f"{value!r:.80} is not a {origin.__name__} of {len(hints)}")


def _decode_object(owner: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise DecodeError(f"{value!r:.80} is not an object")
    hints = _hints_of(owner)
    arguments: dict[str, Any] = {}
    others = dict(value)
    extra = None
    for item in _fields_of(owner):
        name = item.metadata.get("wire", item.name)
        if item.metadata.get("extra"):
            extra = item
        elif name in value:
            try:
                arguments[item.name] = _decode(hints[item.name], others.pop(name))
            except DecodeError as error:
                raise DecodeError(f"{owner.__name__}.{item.name}: {error}") from None
        elif item.default is MISSING:
            raise DecodeError(f"{owner.__name__}.{item.name} is missing")
    if extra:
        arguments[extra.name] = _decode(hints[extra.name], others)
    return owner(**arguments)


def _decode_union(hints: tuple[Any, ...], value: Any) -> Any:
    """The first type that fits. Among objects, the one that leaves the fewest members over comes first."""
    if isinstance(value, dict):
        hints = tuple(sorted(hints, key=lambda hint: _left_over(hint, value)))
    for hint in hints:
        try:
            return _decode(hint, value)
        except DecodeError:
            continue
    raise DecodeError(f"{value!r:.80} is none of {len(hints)} types")


def _left_over(hint: Any, value: dict[str, Any]) -> int:
    if not isinstance(hint, type) or not is_dataclass(hint):
        return 0
    return len(
        value.keys()
        - {item.metadata.get("wire", item.name) for item in _fields_of(hint)}
    )
`
