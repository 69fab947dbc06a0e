/** What the module imports, and its type variables. */
export const imports = String.raw`from __future__ import annotations

import asyncio
import base64
import functools
import json
import logging
import random
import re
import time
import urllib.parse
import uuid
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import (
    MISSING,
    dataclass,
    field as _field,
    fields as _fields_of,
    is_dataclass,
)
from importlib import metadata
from types import UnionType
from typing import (
    Any,
    ClassVar,
    ForwardRef,
    Generic,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import websockets
from websockets.exceptions import ConnectionClosed, InvalidURI

ClientT = TypeVar("ClientT", bound="ChannelsClient[Any]")
OwnerT = TypeVar("OwnerT")
MessageT = TypeVar("MessageT")
ChannelT = TypeVar("ChannelT", bound="Channel[Any, Any, Any]")
UserT = TypeVar("UserT")
ReplyT = TypeVar("ReplyT")
StateT = TypeVar("StateT")
EventT = TypeVar("EventT", bound="Event")
`
