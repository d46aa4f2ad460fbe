"""Events are told when the outcome changes, and never as a storm."""

import asyncio
import logging

import pytest
from aiohttp import web

from lbctl.kube import events
from lbctl.kube.events import Memory, Note, Recorder, Subject
from tests.unit.kube.fake_api import serving

FULL = Note("NoFreeAddress", "full", warning=True)
NO_POOL = Note("NoPool", "none", warning=True)


def test_what_stands_is_told_once() -> None:
    memory = Memory()
    assert memory.news("u", "allocation", [FULL]) == [FULL]
    assert memory.news("u", "allocation", [FULL]) == []


def test_a_changed_outcome_is_news_and_so_is_its_return() -> None:
    memory = Memory()
    memory.news("u", "allocation", [FULL])
    assert memory.news("u", "allocation", [NO_POOL]) == [NO_POOL]
    assert memory.news("u", "allocation", [FULL]) == [FULL]


def test_a_trouble_that_ended_is_news_when_it_comes_back() -> None:
    memory = Memory()
    memory.news("u", "allocation", [FULL])
    assert memory.news("u", "allocation", []) == []
    assert memory.news("u", "allocation", [FULL]) == [FULL]


def test_topics_and_objects_do_not_disturb_each_other() -> None:
    memory = Memory()
    memory.news("u", "allocation", [FULL])
    assert memory.news("u", "plan", [NO_POOL]) == [NO_POOL]
    assert memory.news("v", "allocation", [FULL]) == [FULL]
    assert memory.news("u", "allocation", [FULL]) == []


def test_one_outcome_has_one_event() -> None:
    assert Memory().news("u", "allocation", [FULL, FULL]) == [FULL]


def test_a_gone_object_is_forgotten() -> None:
    memory = Memory()
    memory.news("u", "allocation", [FULL])
    memory.forget("u")
    assert memory.news("u", "allocation", [FULL]) == [FULL]


def test_forgetting_an_object_forgets_all_of_it_and_nothing_else() -> None:
    memory = Memory()
    for uid, topic in (("u", "allocation"), ("u", "plan"), ("v", "plan")):
        memory.news(uid, topic, [FULL])
    memory.forget("u")
    known = [(u, t) for u in "uv" for t in ("allocation", "plan") if memory.stands(u, t)]
    assert known == [("v", "plan")]


async def test_a_storm_drops_the_oldest_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        event = await request.json()
        written.append(event["note"])
        return web.json_response(event, status=201)

    monkeypatch.setattr(events, "_BACKLOG", 3)
    async with serving(answer) as client:
        recorder = Recorder(client, controller="lbctl", instance="test")
        for number in range(10):
            recorder.say(Subject("v1", "Service", "shop", "web", "u"), Note("Full", str(number)))
        with caplog.at_level(logging.WARNING, "lbctl.kube.events"):
            task = asyncio.create_task(recorder.run())
            async with asyncio.timeout(10):
                while not caplog.messages:  # noqa: ASYNC110 - a log sets no event
                    await asyncio.sleep(0.01)
            task.cancel()
    assert written == ["7", "8", "9"]
    assert caplog.messages == ["events: 7 were dropped, for too many waited"]
