"""Sends and receives while its node is killed. Prints each message as it arrives, and how many it has sent."""
import asyncio
import json
import os

from demo_client import *


def tell(what, value):
    print(json.dumps([what, value]), flush=True)


async def main():
    async with WsChatClient(os.environ["CHANNELS_URL"], token=os.environ["TOKEN"]) as client:
        client.on_state(lambda state: tell("state", state))
        lobby = ChatRoom(client, room="lobby")
        lobby.on_resync(lambda resync: tell("resync", resync.reason))
        over = asyncio.get_running_loop().create_future()

        def receive(message):
            tell("message", message.text)
            if message.text == "over":
                over.set_result(None)

        lobby.on(MessagePosted, receive)
        async with lobby:
            for number in range(1, int(os.environ["COUNT"]) + 1):
                await lobby.send(MessageSend(text=f"a-{number}"))
                tell("sent", number)
            await over


asyncio.run(asyncio.wait_for(main(), 100))
