"""A third-party server: an echo with Python's `websockets`. It prints its address."""

import asyncio

from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        # Two fragments: the library sends an iterable as a fragmented message.
        half = len(message) // 2
        await socket.send([message[:half], message[half:]])


async def main():
    async with serve(echo, '127.0.0.1', 0) as server:
        print(f'listening at http://127.0.0.1:{server.sockets[0].getsockname()[1]}', flush=True)
        await server.serve_forever()


asyncio.run(main())
