"""The steps of test/support/clients/steps.ts, with the client of docs/clients/python.md."""
import asyncio
import os

import websockets

from channels import Connection, RequestError, status_of
from follow import Follower

url, room = os.environ["CHANNELS_URL"], "talk/" + os.environ["CHANNELS_ROOM"]
ann, ann_again, bob, carol = (os.environ[name] for name in ("ANN", "ANN_AGAIN", "BOB", "CAROL"))
TEXT = "h\u00e4llo \U0001f44b"


def done(step):
    print("ok", step, flush=True)


class Person:
    """A connection, and the messages that it got."""

    @classmethod
    async def connect(cls, token):
        person = cls()
        person.inbox = asyncio.Queue()
        person.connection = await Connection.open(url, token, person.inbox.put_nowait)
        person.request = person.connection.request
        welcome = await person.inbox.get()
        assert welcome["type"] == "welcome" and welcome["payload"]["patterns"] == ["talk/:room"], welcome
        return person

    async def next(self, type):
        envelope = await self.inbox.get()
        assert envelope["type"] == type and envelope["channel"] == room, envelope
        return envelope

    async def fails(self, code, *request, **options):
        try:
            await self.request(*request, **options)
        except RequestError as error:
            assert error.code == code, error
            return error
        raise AssertionError(f"{request} did not fail with {code}")


async def main():
    try:
        await websockets.connect(url)
        raise AssertionError("an upgrade without a token was not refused")
    except websockets.InvalidHandshake as error:
        assert status_of(error) == 401
    done("refused")

    a = await Person.connect(ann)
    assert a.connection.socket.subprotocol == "fastify-channels.v1"
    done("connected")
    assert "payload" not in await a.request("ping")
    done("ping")

    ack = (await a.request("join", room))["payload"]
    assert ack["presence"] == [{"user": "id-of-ann", "data": {"name": "ann"}}], ack
    assert (ack["offset"], ack["recovered"], ack["reason"], ack["messages"]) == (0, False, "fresh", []), ack
    assert ack["epoch"] and ack["idempotent"] == ["message.send"], ack
    done("joined")

    b = await Person.connect(bob)
    ack = (await b.request("join", room))["payload"]
    assert sorted(entry["user"] for entry in ack["presence"]) == ["id-of-ann", "id-of-bob"], ack
    told = (await a.next("presence"))["payload"]
    assert told["joined"] == [{"user": "id-of-bob", "data": {"name": "bob"}}], told
    done("presence")

    sent = await a.request("message.send", room, {"text": TEXT}, correlation_id="first-of-" + room)
    for person in (a, b):
        first = await person.next("message.posted")
        assert first["payload"] == {"id": sent["payload"]["id"], "from": "ann", "text": TEXT}, first
        assert first["offset"] == sent["offset"] == 1 and first["prev"] == "" and first["hash"], first
    done("sent")

    again = await a.request("message.send", room, {"text": TEXT}, correlation_id="first-of-" + room)
    assert again == sent, again
    done("repeated")
    await a.fails("conflict", "message.send", room, {"text": "other"}, correlation_id="first-of-" + room)
    done("conflict")

    await a.request("typing", room, {"active": True})
    typing = await b.next("typing.changed")
    assert typing["payload"] == {"user": "ann", "active": True} and "offset" not in typing, typing
    done("typing")

    error = await a.fails("invalid_payload", "message.send", room, {"text": 7})
    assert error.details["path"] == "/text", error.details
    await a.fails("unknown_type", "nonsense", room)
    await a.fails("unknown_channel", "join", "nowhere/1")
    await a.fails("forbidden", "join", "talk/secret")
    await a.fails("already_joined", "join", room)
    await a.fails("not_joined", "typing", "talk/other", {"active": True})
    assert (await a.fails("muted", "message.send", room, {"text": "mute me"})).details == {"until": 7}
    done("errors")

    await a.request("message.send", room, {"text": "x" * 60_000})
    for person in (a, b):
        large = await person.next("message.posted")
        assert large["payload"]["text"] == "x" * 60_000 and large["offset"] == 2 and large["prev"] == first["hash"]
    done("large")
    await a.request("ask.pong", room)
    done("pong")

    assert "payload" not in await a.request("refresh", payload={"token": ann_again})
    await a.fails("invalid_token", "refresh", payload={"token": bob})
    done("refreshed")

    await a.request("leave", room)
    assert (await b.next("presence"))["payload"]["left"] == ["id-of-ann"]
    done("left")

    got, resets = [], []
    follower = Follower(room, got.append, resets.append)
    connection = await Connection.open(url, ann, follower.receive)
    await follower.join(connection)
    assert len(resets) == 1 and [envelope["offset"] for envelope in got] == [1, 2]
    connection.socket.transport.abort()
    assert await connection.closed() == 1006
    for text in ("three", "four"):
        await b.request("message.send", room, {"text": text})
    connection = await Connection.open(url, ann, follower.receive)
    await follower.join(connection)
    assert len(resets) == 1 and [envelope["offset"] for envelope in got] == [1, 2, 3, 4], got
    assert got[2]["prev"] == large["hash"] and got[3]["prev"] == got[2]["hash"], got
    done("recovered")

    await connection.request("leave", room)
    since = {"epoch": "another", "offset": 1, "hash": first["hash"]}
    ack = (await connection.request("join", room, {"since": since}))["payload"]
    assert (ack["recovered"], ack["reason"], len(ack["messages"])) == (False, "epoch", 4), ack
    done("unrecoverable")

    c = await Person.connect(ann)
    await c.request("join", room)
    await c.request("ask.remove", room)
    assert (await c.next("left"))["payload"] == {"code": "removed"}
    await c.connection.close()
    done("removed")

    for step, code, message in (("binary", 1003, b"x"), ("garbage", 1008, "{"), ("too-large", 1009, "x" * 70_000)):
        c = await Person.connect(ann)
        await c.connection.socket.send(message)
        assert await c.connection.closed() == code, c.connection.socket.close_code
        done(step)
    revoked, disconnected = ("revoked", 3000, carol, "ask.revoke"), ("disconnected", 3003, bob, "ask.disconnect")
    for step, code, token, type in (revoked, disconnected):
        c = await Person.connect(token)
        await c.request("join", room)
        # The reply may come before the close, or not at all.
        await asyncio.gather(c.request(type, room), return_exceptions=True)
        assert await c.connection.closed() == code, c.connection.socket.close_code
        done(step)

    assert await b.connection.close() == 1000
    done("closed")
    await asyncio.gather(a.connection.close(), connection.close())


asyncio.run(asyncio.wait_for(main(), 60))
