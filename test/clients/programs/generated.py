"""A chat with the demo, with a client that was generated for it. Prints what happens, a line of JSON each."""
import asyncio
import json
import os

from demo_client import *


def tell(what, value):
    print(json.dumps([what, value]), flush=True)


async def connect():
    """A token travels in each of three places. A wrong one is final, unless another one can be fetched."""
    url, token = os.environ["CHANNELS_URL"], os.environ["TOKEN"]
    for carrier in ("header", "subprotocol", "query"):
        async with WsChatClient(url, token=token, carrier=carrier) as client:
            tell("carrier", [carrier, client.state])
        try:
            async with WsChatClient(url, token="wrong/=\u00e9", carrier=carrier):
                tell("carrier", "a wrong token is let in")
        except Closed as error:
            tell("refused", error.status)
    tokens = iter(["wrong"])
    async with WsChatClient(url, token=lambda: next(tokens, token)) as client:
        tell("fetched", client.last_error is not None)


async def main():
    await connect()
    async with WsChatClient(os.environ["CHANNELS_URL"], token=os.environ["TOKEN"]) as client:
        client.on_state(lambda state: tell("state", state))
        lobby = ChatRoom(client, room="lobby")
        lobby.on_resync(lambda resync: tell("resync", resync.reason))
        lobby.on(TypingChanged, lambda typing: tell("typing", typing.active))
        lobby.on_presence(lambda change: tell("presence", sorted(user.name for user in lobby.presence.values())))
        messages = lobby.messages()
        await lobby.join()
        reply = await lobby.send(MessageSend(text="hello"))
        tell("sent", bool(reply.id))
        try:
            await lobby.send(MessageSend(text=""))
        except RequestError as error:
            tell(error.code, error.details)
        try:
            await lobby.send(MessageSend(text="x" * 70_000))
        except InvalidMessage as error:
            tell("too large", str(error))
        async for message in messages:
            if isinstance(message, MessagePosted):
                tell("message", [message.name, message.text])
                if message.text == "over":
                    break
                if message.text == "send one":
                    # The connection may be lost by now: the message waits, and is sent again until it is answered.
                    await lobby.send(MessageSend(text="one"))
        page = await lobby.history(limit=2)
        tell("history", [[message.text for message in page.messages], page.has_more])


asyncio.run(asyncio.wait_for(main(), float(os.environ.get("SECONDS", "60"))))
