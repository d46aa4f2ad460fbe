"""What a client sees of a forwarder: bytes, a reset, silence, and bytes again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lab.errors import LabError
from tests.lab.forwarder import Forwarder, Relay, listen

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """An answering server that can be waited for to the end of its last connection."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.fixture
async def relay() -> AsyncIterator[tuple[Relay, int]]:
    echo = Echo()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    listener = listen()
    relay = Relay(listener, server.sockets[0].getsockname())
    task = asyncio.create_task(relay.serve())
    yield relay, listener.getsockname()[1]
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    server.close()
    await asyncio.gather(*echo.tasks)


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _asked(streams: Streams) -> bytes:
    reader, writer = streams
    writer.write(b"hello\n")
    return await reader.readline()


async def _ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def test_bytes_pass_both_ways(relay: tuple[Relay, int]) -> None:
    async with connected(relay[1]) as streams:
        assert await _asked(streams) == b"hello\n"


async def test_a_cut_resets_what_is_open_and_what_comes(relay: tuple[Relay, int]) -> None:
    door, port = relay
    async with connected(port) as before:
        assert await _asked(before) == b"hello\n"
        await door.cut()
        assert await _ended(before[0])
    async with connected(port) as during:
        assert await _ended(during[0])
    await door.mend()
    async with connected(port) as after:
        assert await _asked(after) == b"hello\n"


async def test_a_stall_keeps_the_connection_and_its_bytes(relay: tuple[Relay, int]) -> None:
    door, port = relay
    async with connected(port) as streams:
        assert await _asked(streams) == b"hello\n"
        await door.stall()
        answer = asyncio.create_task(_asked(streams))
        done, _ = await asyncio.wait([answer], timeout=0.1)
        assert not done
        await door.mend()
        assert await answer == b"hello\n"


async def test_a_target_that_is_down_looks_down() -> None:
    with listen() as nobody:
        target = nobody.getsockname()
    listener = listen()
    task = asyncio.create_task(Relay(listener, target).serve())
    async with connected(listener.getsockname()[1]) as streams:
        assert await _ended(streams[0])
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.root
def test_a_lab_that_is_down_is_named(tmp_path: Path) -> None:
    forwarder = Forwarder(tmp_path / "none", ("127.0.0.1", 1), tmp_path / "kubeconfig")

    with pytest.raises(LabError, match="is the lab up"):
        forwarder.start()
    forwarder.close()
