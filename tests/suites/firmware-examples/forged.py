"""Publications over WebSockets with and without the secret: python forged.py URL SECRET."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

url, secret = sys.argv[1:]


async def plain_is_closed():
    """Without a subprotocol a refused publication closes with 1008."""
    async with connect(url) as socket:
        await socket.send("forged")
        try:
            await asyncio.wait_for(socket.recv(), 5)
        except ConnectionClosed as closed:
            return closed.rcvd is not None and closed.rcvd.code == 1008
    return False


async def reply_to(data, headers):
    async with connect(url, subprotocols=["goldcrest.v1"], additional_headers=headers) as socket:
        await socket.send(json.dumps({"data": data, "ref": 1}))
        while True:
            reply = json.loads(await asyncio.wait_for(socket.recv(), 5))
            if "ref" in reply:
                return reply


async def main():
    refused = await reply_to("forged", {})
    accepted = await reply_to("three", {"Authorization": f"Bearer {secret}"})
    results = {
        "a WebSocket without the secret cannot publish: closed with 1008": await plain_is_closed(),
        "a WebSocket without the secret cannot publish: error reply on goldcrest.v1": "error" in refused and "id" not in refused,
        "a WebSocket with the secret publishes": "id" in accepted,
    }
    for name, succeeded in results.items():
        print("firmware-examples:", name if succeeded else "FAILED: " + name)
    sys.exit(not all(results.values()))


asyncio.run(main())
