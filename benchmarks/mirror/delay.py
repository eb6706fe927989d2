"""A proxy that holds everything back for a while: ``python -m benchmarks.mirror.delay PORT TARGET_PORT MILLISECONDS``.

Each direction is delayed by that much, so a round trip takes twice as long. It limits nothing else: what is under way is kept in
memory, and the line is as wide as the machine allows (README.md says how wide).
"""

import asyncio
import socket
import sys
from contextlib import suppress

_AT_ONCE = 1 << 20
_UNDER_WAY = 256 << 20  # bytes that may be held back in one direction before the sender has to wait

Chunk = tuple[float, bytes]


async def _receive(reader: asyncio.StreamReader, held: asyncio.Queue[Chunk], room: asyncio.Semaphore, delay: float) -> None:
    """Take what comes, and stamp it with the moment at which it is to go on; an empty chunk is the end."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while chunk := await reader.read(_AT_ONCE):
            await room.acquire()
            held.put_nowait((loop.time() + delay, chunk))
    held.put_nowait((loop.time() + delay, b""))


async def _send(writer: asyncio.StreamWriter, held: asyncio.Queue[Chunk], room: asyncio.Semaphore) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while True:
            due, chunk = await held.get()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
            room.release()
    with suppress(OSError):
        writer.write_eof()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    held: asyncio.Queue[Chunk] = asyncio.Queue()
    room = asyncio.Semaphore(_UNDER_WAY // _AT_ONCE)
    await asyncio.gather(_receive(reader, held, room, delay), _send(writer, held, room))


async def serve(port: int, target: int, delay: float) -> None:
    """Carry every connection to ``port`` to ``target``, until cancelled."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", target, limit=4 * _AT_ONCE)
        for one in (writer, back):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(_carry(reader, back, delay), _carry(there, writer, delay))
        for one in (writer, back):
            one.close()

    server = await asyncio.start_server(carry, "127.0.0.1", port, limit=4 * _AT_ONCE)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
