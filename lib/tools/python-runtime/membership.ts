/** The private part of the class of a channel: its membership, history and presence. */
export const membership = String.raw`    async def _connected(self, wait: bool) -> _Connection:
        """The connection on which the channel is joined."""
        if self._ended is None and not self._client._has_channel(self):
            return self._client._open_connection()
        while self._link is None:
            if self._ended:
                raise self._ended
            if not wait:
                raise Disconnected(f"'{self.address}' is not joined now")
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return self._link

    async def _join_over(self, connection: _Connection) -> None:
        """Joins on a new connection, from the position. Tries again where that helps."""
        may_pass = {"rate_limited", "unavailable", "timeout"}
        while connection.is_open and self._client._has_channel(self):
            envelope: dict[str, Any] = {"type": "join", "channel": self.address}
            if self.position:
                envelope["payload"] = {"since": vars(self.position)}
            try:
                reply = await connection.request(
                    envelope, lambda content: self._enter(connection, content or {})
                )
            except ChannelsError as error:
                if not isinstance(error, Disconnected):
                    self._end(error)
                return
            if reply["type"] == "ack":
                return
            refusal = _request_error(
                f"'join' of '{self.address}'", reply["payload"], ()
            )
            if refusal.code not in may_pass:
                self._end(refusal, self._on_left)
                return
            await asyncio.sleep((refusal.retry_after or 1000) / 1000)

    def _enter(self, connection: _Connection, content: Mapping[str, Any]) -> None:
        """Takes over the ack of a join."""
        if not self._client._has_channel(self):
            return
        self._link = connection
        self._wake()
        if "presence" in content:
            self.presence = {}
            self._add_users(self.presence, content["presence"])
            _call(self._on_presence, None)
        self._take_history(content)

    def _take_history(self, content: Mapping[str, Any]) -> None:
        """The content of a history: of the ack of a join, or of 'resync'. It is absent while it cannot be read."""
        if "epoch" not in content:
            return
        if not content.get("recovered"):
            stored = content.get("snapshot")
            self.position = None
            _call(
                self._on_resync,
                Resync(
                    content["reason"], stored and self._read_snapshot(stored["state"])
                ),
            )
        for envelope in content["messages"]:
            self._emit(envelope)
        self.position = Position(content["epoch"], content["offset"], content["hash"])

    def _read_snapshot(self, state: Any) -> Any:
        try:
            return _decode(self._snapshot_type, state)
        except DecodeError as error:
            _log.error("the snapshot of '%s' cannot be read: %s", self.address, error)
            return None

    def _receive(self, connection: _Connection, envelope: Mapping[str, Any]) -> None:
        kind, payload = envelope["type"], envelope.get("payload")
        if self._link is not connection:
            return
        if kind == "presence":
            self._take_presence(payload)
        elif kind == "resync":
            self._take_history(cast(Mapping[str, Any], payload))
        elif kind == "left":
            left = {
                "code": cast(Mapping[str, Any], payload)["code"],
                "message": "the server ended the membership",
            }
            self._end(_request_error(f"'{self.address}'", left, ()), self._on_left)
        elif "offset" not in envelope or self.position is None:
            self._emit(envelope)
        elif envelope["offset"] > self.position.offset:
            self.position = Position(
                self.position.epoch, envelope["offset"], envelope["hash"]
            )
            self._emit(envelope)

    def _take_presence(self, payload: Any) -> None:
        if "present" in payload:
            self._add_users(self.presence, payload["present"])
            _call(self._on_presence, None)
            return
        if "count" in payload:
            self.presence_count = payload["count"]
            _call(self._on_presence, None)
            return
        change: PresenceChange[UserT] = PresenceChange({}, {}, payload.get("left", []))
        self._add_users(
            cast("dict[str, UserT]", change.joined), payload.get("joined", [])
        )
        self._add_users(
            cast("dict[str, UserT]", change.updated), payload.get("updated", [])
        )
        self.presence.update(change.joined)
        self.presence.update(change.updated)
        for user in change.left:
            if user in self.presence:
                del self.presence[user]
        _call(self._on_presence, change)

    def _add_users(self, users: dict[str, UserT], entries: Any) -> None:
        if isinstance(entries, dict):
            self.presence_count = entries["count"]
            return
        for entry in entries:
            try:
                users[entry["user"]] = _decode(self._presence_type, entry.get("data"))
            except DecodeError as error:
                _log.error("the presence of a user is dropped: %s", error)

    def _disconnect(self) -> None:
        self._link = None

    def _end(
        self, error: Exception, listeners: Iterable[Callable[[Any], object]] = ()
    ) -> None:
        self._client._remove_channel(self)
        self._link = None
        self._ended = error
        self._wake()
        _call(listeners, error)
        self._end_iterators()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
`
