"""The outside client, a process of its own: `python client.py ADDRESS PORT [SECONDS]`.

It needs the standard library alone. A new connection each 10 ms (or SECONDS), whatever became of
those before it: a client that waited for answers would ask least when most goes wrong. Each request
is one line on standard output as it ends: `start end outcome pod`, in seconds of the monotonic
clock; `late SECONDS` tells the longest that the process overslept since it told last. It ends with
its standard input.
"""

import asyncio
import contextlib
import errno
import os
import socket
import sys
import time

INTERVAL_SECONDS = 0.01
PATIENCE_SECONDS = 0.5
"""For a connection and its answer: well above what a request needs on a busy machine, and below the
second after which a kernel would repeat a lost SYN."""
TELL_SECONDS = 1.0
# A user's machine does not share its processor with the cluster; this one does.
NICENESS = -10
PORTS = range(1024, 65024)
"""Source ports, each used once in 640 s. The kernel's own choice comes round after some 3,200
connections, while conntrack on a node remembers a SYN that nobody answered for 120 s, and sends the
next one from the same port to the same dead pod, whatever the endpoints are by then."""
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
WELL = b"HTTP/1.1 200 "


def port_at(moment: float) -> int:
    """The source port of the request that is due then; the clock is the machine's, not ours."""
    return PORTS[round(moment / INTERVAL_SECONDS) % len(PORTS)]


async def ask(target: tuple[str, int], port: int) -> tuple[str, str]:
    """One request on a new connection: the outcome, and the pod that answered."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family) as connection:
        connection.setblocking(False)
        with contextlib.suppress(OSError):  # Somebody has it: then the kernel chooses.
            connection.bind(("", port))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await loop.sock_connect(connection, target)
                await loop.sock_sendall(connection, REQUEST)
                head, _, body = (await loop.sock_recv(connection, 4096)).partition(b"\r\n\r\n")
                if head.startswith(WELL) and not body:
                    body = await loop.sock_recv(connection, 4096)
        except TimeoutError:
            return "timeout", ""
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, type(error).__name__), ""
    if not head.startswith(WELL):
        return "closed" if not head else "refused", ""
    return "ok", body.split(b"\n")[0].decode(errors="replace")


async def record(target: tuple[str, int], port: int) -> None:
    start = time.monotonic()
    outcome, pod = await ask(target, port)
    print(f"{start:.6f} {time.monotonic():.6f} {outcome} {pod}", flush=True)


async def run(target: tuple[str, int], interval: float) -> None:
    """Ask until standard input ends."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    under_way: set[asyncio.Task[None]] = set()
    due = told = time.monotonic()
    late = 0.0
    while not ended.is_set():
        under_way.add(task := asyncio.create_task(record(target, port_at(due))))
        task.add_done_callback(under_way.discard)
        due += interval
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                await ended.wait()
        now = time.monotonic()
        late = max(late, now - due)
        if now - told > TELL_SECONDS:
            print(f"late {late:.6f}", flush=True)
            told, late = now, 0.0
    await asyncio.gather(*under_way)


def main() -> None:
    with contextlib.suppress(PermissionError):  # only root may
        os.nice(NICENESS)
    address, port, *more = sys.argv[1:]
    interval = float(more[0]) if more else INTERVAL_SECONDS
    asyncio.run(run((address, int(port)), interval))


if __name__ == "__main__":
    main()
