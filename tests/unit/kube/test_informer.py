"""The informer against a server that breaks off, forgets its history, and loses deletions."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from lbctl.kube.informer import Backoff, Change, Informer, Pace
from lbctl.kube.objects import VIRTUAL_IPS
from tests.unit.kube.fake_api import listing, obj, serving, status, stream

FAST = Pace(backoff=Backoff(shortest=0.001, longest=0.001))


class Script:
    """Answers the first list with the first entry, and so on; the last one repeats."""

    def __init__(self, *, lists: list[Any], watches: list[Any]) -> None:
        self.lists, self.watches = lists, watches
        self.versions: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            now = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
            return now() if callable(now) else listing(*now)
        self.versions.append(request.query["resourceVersion"])
        if not self.watches:
            return await stream(request, forever=True)
        return await stream(request, *self.watches.pop(0))


async def told(
    script: Script, enough: Callable[[list[str]], bool], *, optional: bool = False
) -> list[str]:
    """What the informer tells until it is enough."""
    heard: list[str] = []
    done = asyncio.Event()

    def hear(change: Change) -> None:
        heard.append(f"{change.type.value} {change.key}")
        if enough(heard):
            done.set()

    async with serving(script.answer) as client:
        informer = Informer(client, VIRTUAL_IPS, hear, optional=optional, pace=FAST)
        task = asyncio.create_task(informer.run())
        async with asyncio.timeout(20):
            await done.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return heard


async def test_a_list_counts_as_additions_and_a_watch_follows() -> None:
    script = Script(
        lists=[(5, obj("a", 1))],
        watches=[
            [
                {"type": "ADDED", "object": obj("b", 6)},
                {"type": "MODIFIED", "object": obj("a", 7)},
                {"type": "DELETED", "object": obj("b", 8)},
            ]
        ],
    )
    heard = await told(script, lambda heard: len(heard) == 4)
    assert heard == ["added a", "added b", "modified a", "deleted b"]


async def test_it_says_when_the_path_fails_and_when_news_comes_again() -> None:
    """Before the news itself: whoever measures silence must know first that it was not theirs."""
    script = Script(
        lists=[lambda: status(503, "ServiceUnavailable")] * 2 + [(5, obj("a", 1)), (5,)],
        watches=[[{"type": "ADDED", "object": obj("b", 6)}]],
    )
    heard: list[str] = []
    done = asyncio.Event()

    def hear(change: Change) -> None:
        heard.append(str(change.key))
        if len(heard) == 4:
            done.set()

    async with serving(script.answer) as client:
        informer = Informer(
            client,
            VIRTUAL_IPS,
            hear,
            on_following=lambda following: heard.append("follows" if following else "fails"),
            pace=FAST,
        )
        task = asyncio.create_task(informer.run())
        async with asyncio.timeout(20):
            await done.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert heard == ["fails", "follows", "a", "b"]


async def test_a_broken_stream_goes_on_where_it_was() -> None:
    script = Script(
        lists=[(5,)],
        watches=[
            [{"type": "ADDED", "object": obj("a", 6)}],
            [{"type": "BOOKMARK", "object": obj("", 9)}],
            [{"type": "ADDED", "object": obj("b", 10)}],
        ],
    )
    await told(script, lambda heard: "added b" in heard)
    assert script.versions[:3] == ["5", "6", "9"]


async def test_a_deletion_in_a_gap_of_the_history_is_told() -> None:
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    script = Script(
        lists=[(5, obj("a", 1), obj("b", 2), obj("c", 3)), (20, obj("a", 1), obj("c", 15))],
        watches=[[expired]],
    )
    heard = await told(script, lambda heard: len(heard) == 5)
    assert heard[3:] == ["deleted b", "modified c"]


async def test_a_server_that_is_away_at_first_is_asked_again() -> None:
    script = Script(lists=[lambda: status(503, "Unavailable"), (5, obj("a", 1))], watches=[])
    assert await told(script, bool) == ["added a"]


async def test_a_kind_that_is_not_served_yet_is_waited_for() -> None:
    script = Script(lists=[lambda: status(404, "NotFound"), (5, obj("a", 1))], watches=[])
    assert await told(script, bool) == ["added a"]


async def test_a_kind_that_may_be_missing_has_no_objects_then() -> None:
    async with serving(Script(lists=[lambda: status(404, "NotFound")], watches=[]).answer) as api:
        informer = Informer(api, VIRTUAL_IPS, optional=True, pace=FAST)
        task = asyncio.create_task(informer.run())
        async with asyncio.timeout(20):
            await informer.synced.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(informer) == 0


async def test_when_such_a_kind_goes_its_objects_go_and_when_it_comes_they_come() -> None:
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    script = Script(
        lists=[(5, obj("a", 1)), lambda: status(404, "NotFound"), (20, obj("a", 15))],
        watches=[[expired]],
    )
    heard = await told(script, lambda heard: len(heard) == 3, optional=True)
    assert heard == ["added a", "deleted a", "added a"]


async def test_a_namesake_that_came_in_a_gap_is_a_change() -> None:
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    script = Script(
        lists=[(5, obj("a", 1, uid="first")), (20, obj("a", 15, uid="second"))],
        watches=[[expired]],
    )
    heard = await told(script, lambda heard: len(heard) == 2)
    assert heard == ["added a", "modified a"]
