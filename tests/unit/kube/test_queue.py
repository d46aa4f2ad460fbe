"""The queue's rules, told as scripts over an injected time."""

import asyncio
from itertools import pairwise

import pytest

from lbctl.kube.errors import ApiError, Unavailable
from lbctl.kube.informer import Backoff
from lbctl.kube.queue import Priority, Readiness, Schedule, WorkQueue


def schedule() -> Schedule[str]:
    return Schedule(backoff=Backoff(shortest=1.0, longest=8.0), jitter=lambda: 1.0)


def test_a_key_that_waits_is_not_queued_again() -> None:
    queue = schedule()
    for _ in range(3):
        queue.add("a", 0)
    assert queue.take(0) == "a"
    queue.done("a", 0)
    assert queue.take(0) is None


def test_one_worker_at_a_time_has_a_key() -> None:
    queue = schedule()
    queue.add("a", 0)
    assert queue.take(0) == "a"
    queue.add("a", 0)
    assert queue.take(0) is None, "it is being worked on"


@pytest.mark.parametrize("changes", [1, 5])
def test_a_key_that_changes_during_its_run_runs_once_more(changes: int) -> None:
    queue = schedule()
    queue.add("a", 0)
    queue.take(0)
    for _ in range(changes):
        queue.add("a", 0)
    queue.done("a", 0)
    assert queue.take(0) == "a"
    queue.done("a", 0)
    assert queue.take(0) is None


def test_what_just_changed_goes_before_what_a_resync_looks_at() -> None:
    queue = schedule()
    queue.add("old", 0, Priority.RESYNC)
    queue.add("new", 0)
    assert [queue.take(0), queue.take(0)] == ["new", "old"]


def test_a_live_change_lifts_a_key_that_waits_for_a_resync() -> None:
    queue = schedule()
    for key in ("a", "b"):
        queue.add(key, 0, Priority.RESYNC)
    queue.add("b", 0)
    assert [queue.take(0), queue.take(0), queue.take(0)] == ["b", "a", None]


def test_each_failure_doubles_the_pause_up_to_the_longest() -> None:
    queue, now = schedule(), 0.0
    queue.add("a", now)
    pauses = []
    for _ in range(5):
        assert queue.take(now) == "a"
        pauses.append(queue.failed("a", now))
        assert queue.take(now) is None, "not before the pause is over"
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 8]


def test_success_forgets_the_failures() -> None:
    queue = schedule()
    queue.add("a", 0)
    queue.take(0)
    queue.failed("a", 0)
    assert queue.take(1) == "a"
    queue.done("a", 1)
    queue.add("a", 1)
    queue.take(1)
    assert queue.failed("a", 1) == 1


@pytest.mark.parametrize(
    ("priority", "ready"),
    [
        pytest.param(Priority.LIVE, True, id="a live change tries a failed key at once"),
        pytest.param(Priority.RESYNC, False, id="a resync leaves a failed key its pause"),
    ],
)
def test_what_cuts_a_pause_short(priority: Priority, *, ready: bool) -> None:
    queue = schedule()
    queue.add("a", 0)
    queue.take(0)
    queue.failed("a", 0)
    queue.add("a", 0.5, priority)
    assert (queue.take(0.5) == "a") is ready


def test_a_key_that_was_tried_early_is_not_tried_again_when_its_pause_would_have_ended() -> None:
    queue = schedule()
    queue.add("a", 0)
    queue.take(0)
    queue.failed("a", 0)
    queue.add("a", 0.5)
    assert queue.take(0.5) == "a"
    queue.done("a", 0.5)
    assert queue.take(100) is None


def test_the_server_may_ask_for_a_longer_pause() -> None:
    queue = schedule()
    queue.add("a", 0)
    queue.take(0)
    assert queue.failed("a", 0, at_least=5.0) == 5.0


def test_later_means_the_earliest_of_what_was_asked() -> None:
    queue = schedule()
    queue.add_later("a", 0, 5)
    queue.add_later("a", 0, 2)
    queue.add_later("a", 0, 9)
    assert queue.next_due(0) == 2
    assert queue.take(2) == "a"
    queue.done("a", 2)
    assert queue.next_due(2) is None


def test_a_key_that_falls_due_while_it_runs_runs_once_more() -> None:
    queue = schedule()
    queue.add("a", 0)
    queue.take(0)
    queue.add_later("a", 0, 1)
    queue.add_later("b", 0, 2)
    assert queue.take(2) == "b", "the running key does not hold up the others"
    queue.done("a", 2)
    assert queue.take(2) == "a"


def test_depth_and_age_are_known() -> None:
    queue = schedule()
    queue.add("a", 1)
    queue.add("b", 3, Priority.RESYNC)
    queue.add_later("c", 3, 10)
    assert len(queue) == 3
    assert dict(queue.waiting()) == {
        "a": Readiness.READY,
        "b": Readiness.READY,
        "c": Readiness.LATER,
    }
    assert queue.oldest(5) == 4


async def test_workers_share_the_keys_and_never_one_key() -> None:
    running: set[str] = set()
    done: list[str] = []
    finished = asyncio.Event()

    async def work(key: str) -> None:
        assert key not in running
        running.add(key)
        await asyncio.sleep(0)
        running.discard(key)
        done.append(key)
        if len(done) == 20:
            finished.set()

    queue: WorkQueue[str] = WorkQueue(work)
    for number in range(20):
        queue.add(str(number))
    task = asyncio.create_task(queue.run(4))
    await finished.wait()
    task.cancel()
    assert sorted(map(int, done)) == list(range(20))


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unavailable("away"), id="an API server that is away is tried again"),
        pytest.param(ApiError("odd"), id="an odd answer is tried again"),
        pytest.param(KeyError("bug"), id="a fault of ours is tried again and ends nothing"),
    ],
)
async def test_whatever_fails_is_tried_again(error: Exception) -> None:
    attempts = 0
    succeeded = asyncio.Event()

    async def work(_: str) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise error
        succeeded.set()

    fast: Schedule[str] = Schedule(backoff=Backoff(shortest=0.001, longest=0.001))
    queue: WorkQueue[str] = WorkQueue(work, schedule=fast)
    task = asyncio.create_task(queue.run(1))
    queue.add("a")
    await succeeded.wait()
    task.cancel()
    assert attempts == 3


async def test_runs_that_wait_for_nothing_leave_others_their_turn() -> None:
    done: list[str] = []
    seen: list[int] = []

    async def work(key: str) -> None:
        done.append(key)

    queue: WorkQueue[str] = WorkQueue(work)
    for number in range(20):
        queue.add(str(number))
    task = asyncio.create_task(queue.run(1))
    while len(done) < 20:
        await asyncio.sleep(0)
        seen.append(len(done))
    task.cancel()
    assert all(after - before <= 1 for before, after in pairwise(seen))


async def test_what_comes_after_a_rest_is_worked_on() -> None:
    done: asyncio.Queue[str] = asyncio.Queue()
    queue: WorkQueue[str] = WorkQueue(done.put)
    task = asyncio.create_task(queue.run(1))
    for key in ("a", "b"):
        queue.add(key)
        assert await done.get() == key
        for _ in range(10):
            await asyncio.sleep(0)
    task.cancel()


async def test_nothing_begins_while_it_may_not() -> None:
    allowed = False
    begun = asyncio.Event()

    async def work(_: str) -> None:
        begun.set()

    queue: WorkQueue[str] = WorkQueue(work, may=lambda: allowed)
    task = asyncio.create_task(queue.run(1))
    queue.add("a")
    for _ in range(10):
        await asyncio.sleep(0)
    assert not begun.is_set()
    allowed = True
    await begun.wait()
    task.cancel()
