"""A door to the API server: a port on 127.0.0.1 that leads into the cluster's network.

A socket belongs to the network namespace in which it was made. So the forwarder listens first, then
enters the control plane's namespace, and makes its connections to the API server there. It can be
cut and mended, to take the API server away from one client alone.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab.errors import LabError

CLONE_NEWNET = 0x40000000
"""From sched.h; os.setns came with Python 3.12."""

CHUNK = 1 << 16


def listen() -> socket.socket:
    """A listening socket on a free port of 127.0.0.1, in the namespace of the caller."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setblocking(False)
    return listener


def enter_network(namespace: Path) -> None:
    """Move the calling thread, and no other, into a network namespace.

    Raises:
        OSError: there is none, or this is not root.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(namespace))
    finally:
        os.close(descriptor)


class Relay:
    """Copies bytes between a listener and a target. Runs in one event loop."""

    def __init__(self, listener: socket.socket, target: tuple[str, int]) -> None:
        self._listener = listener
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._cut = False
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def serve(self) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._accepted, sock=self._listener)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            # Not server.wait_closed: it waits for the connections that end here.
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def cut(self) -> None:
        """Reset what is open, and every new connection at once, until mended."""
        self._cut = True
        self._abort()

    async def stall(self) -> None:
        """Keep connections open and pass nothing on, as a half-dead network does, until mended."""
        self._flowing.clear()

    async def mend(self) -> None:
        """Pass everything on again."""
        self._cut = False
        self._flowing.set()

    def _abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self._cut:
            await _reset(writer)
            return
        self._connections.add(task)
        self._open.add(writer)
        try:
            await self._relay(reader, writer)
        except OSError:
            pass  # an end is gone, or the API server is down: the client sees it by the reset
        finally:
            self._open.discard(writer)
            await _reset(writer)
            self._connections.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection(*self._target)
        self._open.add(onward)
        try:
            await asyncio.gather(self._pump(reader, onward), self._pump(onward_reader, writer))
        finally:
            self._open.discard(onward)
            await _reset(onward)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


class Forwarder:
    """A forwarder in a thread of this process, with a kubeconfig that leads through it."""

    def __init__(self, namespace: Path, target: tuple[str, int], kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._namespace = namespace
        self._target = target
        self._listener = listen()
        self._loop = asyncio.new_event_loop()
        self._relay: Relay | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._main, name="forwarder", daemon=True)
        self._up = threading.Event()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> None:
        """Begin to forward. Idempotent.

        Raises:
            LabError: the cluster's namespace could not be entered.
        """
        if self._thread.ident is None:
            self._thread.start()
        if not self._up.wait(10) or self._relay is None:
            raise LabError(f"the forwarder could not enter {self._namespace}: is the lab up?")

    def cut(self) -> None:
        """Reset this client's connections, and refuse new ones."""
        self._do(self._live().cut())

    def stall(self) -> None:
        """Let this client's connections hang."""
        self._do(self._live().stall())

    def mended(self) -> None:
        """Undo cut and stall."""
        self._do(self._live().mend())

    def close(self) -> None:
        """Stop forwarding for good. Idempotent."""
        if self._thread.is_alive() and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(10)
        self._listener.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _live(self) -> Relay:
        if self._relay is None:
            raise LabError("this forwarder was not started")
        return self._relay

    def _do(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _main(self) -> None:
        try:
            enter_network(self._namespace)
        except OSError:
            self._loop.close()
            self._up.set()
            return
        with (
            contextlib.suppress(asyncio.CancelledError),
            asyncio.Runner(loop_factory=self._own) as runner,
        ):
            runner.run(self._serve())

    def _own(self) -> asyncio.AbstractEventLoop:
        return self._loop

    async def _serve(self) -> None:
        self._relay = Relay(self._listener, self._target)
        self._task = asyncio.current_task()
        self._up.set()
        await self._relay.serve()


async def _serve_until_ended(listener: socket.socket, target: tuple[str, int]) -> None:
    task = asyncio.ensure_future(Relay(listener, target).serve())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main(descriptor: str, namespace: str, host: str, port: str) -> None:
    """The forwarder as a daemon of the lab: its listener is inherited."""
    listener = socket.socket(fileno=int(descriptor))
    listener.setblocking(False)
    enter_network(Path(namespace))
    asyncio.run(_serve_until_ended(listener, (host, int(port))))


if __name__ == "__main__":
    main(*sys.argv[1:])
