"""A third-party server, `aiohttp`, with a WebSocket at /echo and events at /ticks. It prints its address."""

import asyncio

from aiohttp import WSMsgType, web


async def echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def ticks(request):
    response = web.StreamResponse(headers={'content-type': 'text/event-stream'})
    await response.prepare(request)
    last = int(request.headers.get('last-event-id', 0))
    for number in range(last + 1, last + 4):
        await response.write(f'id: {number}\ndata: {number}\n\n'.encode())
    return response


async def main():
    app = web.Application()
    app.add_routes([web.get('/echo', echo), web.get('/ticks', ticks)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    print(f'listening at http://127.0.0.1:{runner.addresses[0][1]}', flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
