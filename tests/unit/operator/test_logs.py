"""What an API server that goes away leaves in the log: one line for each who was connected."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import aiohttp
import kopf
import pytest

from lbctl import logs
from lbctl.kube.errors import Conflict, Unavailable
from lbctl.kube.login import Login
from lbctl.operator import streams
from lbctl.world.world import World

LOST = "Cannot connect to host 10.96.0.1:443"


@contextmanager
def configured(level: str) -> Iterator[None]:
    """The operator's logs, and the test's own afterwards."""
    root = logging.getLogger()
    quiet = [logging.getLogger(name) for name in ("kopf", "asyncio", "aiohttp")]
    before = root.level, root.handlers, [one.level for one in quiet]
    logs.configure("text", level)
    try:
        yield
    finally:
        root.level, root.handlers, levels = before
        for one, was in zip(quiet, levels, strict=True):
            one.setLevel(was)


def logged(error: BaseException, *, level: str = "info", message: str = "a part ended") -> None:
    """Log it with its trace, as whoever catches what it does not know."""
    with configured(level):
        with contextlib.suppress(type(error)):
            raise error from OSError("the call failed")
        logging.getLogger("asyncio").error(message, exc_info=error)


@pytest.mark.parametrize(
    ("sentence", "error"),
    [
        ("our own client says so", Unavailable(LOST)),
        ("aiohttp says so", aiohttp.ClientConnectionError(LOST)),
        ("the kernel says so", ConnectionResetError(LOST)),
        ("several of them say so", ExceptionGroup("many", [Unavailable(LOST), Unavailable(LOST)])),
    ],
)
def test_a_lost_connection_is_one_line(
    sentence: str, error: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    logged(error, message="Task exception was never retrieved\nfuture: <Task>")

    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith(f"never retrieved future: <Task>: {LOST}"), sentence


@pytest.mark.parametrize(
    ("sentence", "error", "level"),
    [
        ("a fault of ours", KeyError("metadata"), "info"),
        ("a refusal is no lost connection", Conflict("it was modified"), "info"),
        ("a fault among losses", ExceptionGroup("", [Unavailable(LOST), KeyError("x")]), "info"),
        ("who asks for everything gets it", Unavailable(LOST), "debug"),
    ],
)
def test_all_else_has_its_trace(
    sentence: str, error: BaseException, level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    logged(error, level=level)

    assert "Traceback" in capfd.readouterr().err, sentence


def nobody_listens() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def followed_until(enough: Callable[[], bool]) -> None:
    """Let kopf look for an API server that is away, until it has said enough."""
    login = Login(f"http://127.0.0.1:{nobody_listens()}")
    settings = streams.settings()
    settings.networking.error_backoffs = [0.01] * 1000
    stop = asyncio.Event()
    tasks = await kopf.spawn_tasks(
        registry=streams.registry(World(lease_duration=15), login, lambda: None),
        settings=settings,
        standalone=True,
        clusterwide=True,
        stop_flag=stop,
    )
    others = asyncio.all_tasks() - {*tasks}
    running = asyncio.create_task(kopf.run_tasks(tasks, ignored=others))
    async with asyncio.timeout(30):
        while not enough():  # noqa: ASYNC110 - a log tells nobody of what is written
            await asyncio.sleep(0.01)
    stop.set()
    with contextlib.suppress(Exception):
        await asyncio.wait_for(running, 10)


def test_kopfs_attempts_are_one_warning_for_each_request(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The words are kopf's own: were they others one day, this tells."""
    attempts = []

    class Counting(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if "attempt" in record.getMessage():
                attempts.append(record.getMessage())
            return True

    with configured("info"):
        # Before what is tested, and so of what kopf says.
        logging.getLogger().handlers[0].filters.insert(0, Counting())
        asyncio.run(followed_until(lambda: len(attempts) >= 6))

    said = [line for line in capfd.readouterr().err.splitlines() if "Cannot connect" in line]
    assert said, "the first attempt is told"
    assert all(" WARNING kopf." in line and line.endswith("; trying again") for line in said)
    assert len(said) < len(attempts), "and no other"
