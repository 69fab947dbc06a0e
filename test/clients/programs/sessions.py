"""Speaks the sample sessions of docs/protocol.md with a generated client. Prints what it notices, as a line of JSON."""
import asyncio
import json
import os

from sessions_client import *


async def play(url, lines):
    replies, told = [], []
    noticed = {"replies": replies, "told": told}
    client = SessionsClient(url, token="eyJhbGciOiJIUzI1NiJ9.e30.c2ln", carrier="subprotocol")
    channels = {}

    def channel_of(address, since):
        if address not in channels:
            kind, name = address.split("/")
            position = since and Position(**since)
            channel = (
                ChatRoom(client, room=name, since=position) if kind == "chat" else DocId(client, id=name, since=position)
            )
            channel.on_presence(tell_presence)
            channel.on_resync(lambda resync: told.append({"resync": resync.reason, "state": as_json(resync.snapshot)}))
            event = MessagePosted if kind == "chat" else Edited
            channel.on(event, lambda message: told.append({"message": as_json(message)}))
            channels[address] = channel
        return channels[address]

    def tell_presence(change):
        # None stands for a whole list. The sessions have one channel with users.
        users = change.joined if change else channels["chat/lobby"].presence
        told.append({"presence": [data.name for data in users.values()]})

    async def say(message):
        kind, payload = message["type"], message.get("payload")
        channel = message.get("channel") and channel_of(message["channel"], (payload or {}).get("since"))
        if kind == "refresh":
            await client.refresh()
        elif kind == "join":
            await channel.join()
        elif kind == "leave":
            await channel.leave()
        elif "text" in payload:
            await channel.send(MessageSend(text=payload["text"]))
        else:
            await channel.request(kind, payload)

    async with client:
        for line in lines:
            if line["from"] == "C":
                # What the server said before it has to be here, as it is in the session.
                while len(told) < line["told"]:
                    await asyncio.sleep(0.001)
                try:
                    await say(line["message"])
                    replies.append("ack")
                except RequestError as error:
                    replies.append(error.code)
        closed = await client.closed()
        assert closed.code == 1000, closed
    return noticed


def as_json(value):
    """The members of a message by their names on the wire."""
    if value is None:
        return None
    members = {name.rstrip("_"): member for name, member in vars(value).items()}
    return {name: member for name, member in members.items() if member is not None}


async def main():
    for number, session in enumerate(json.loads(os.environ["SESSIONS"])):
        print(json.dumps(await play(f"{os.environ['CHANNELS_URL']}/{number}", session["lines"])), flush=True)


asyncio.run(asyncio.wait_for(main(), 60))
