"""The Speaker object is written upon what it is, also when the watch lags behind."""

import asyncio
from ipaddress import IPv4Interface
from typing import Any, cast

import pytest

from lbctl.core.objects.speakers import InterfaceView
from lbctl.kube.client import Client
from lbctl.kube.errors import Conflict
from lbctl.kube.objects import Key
from speaker.agent.interfaces import Interface
from speaker.agent.registration import Registration

KEY = Key("", "n1")
INTERFACES = (
    Interface(2, InterfaceView("eth0", "02:00:00:00:00:01", (IPv4Interface("10.0.0.1/24"),))),
)


class FakeApi:
    """One Speaker, whose every write is a version."""

    def __init__(self) -> None:
        self.there: Any = speaker(1)
        self.conflicts = 0

    async def patch_status(self, _: object, __: str, patch: Any, *, resource_version: str) -> Any:
        meta = self.there["metadata"]
        if meta["resourceVersion"] != resource_version:
            self.conflicts += 1
            raise Conflict("the object has been modified")
        meta = {**meta, "resourceVersion": str(int(resource_version) + 1)}
        self.there = {"metadata": meta, "status": {**self.there["status"], **patch}}
        return self.there


def speaker(version: int, uid: str = "u") -> Any:
    meta = {"name": "n1", "uid": uid, "generation": 1, "resourceVersion": str(version)}
    return {"metadata": meta, "status": {}}


class Story:
    """A registration, and what its watch has told so far."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.known: dict[Key, Any] = {KEY: self.api.there}
        self._registration = Registration(
            cast("Client", self.api), node="n1", version="1", known=self.known
        )

    def say(self, *, wire_alive: bool) -> None:
        asyncio.run(self._registration.reconcile(INTERFACES, wire_alive=wire_alive, partners=None))

    def said(self) -> str:
        (ready,) = self.api.there["status"]["conditions"]
        return str(ready["reason"])


def test_two_news_before_the_watch_told_of_the_first_are_no_conflict() -> None:
    story = Story()
    story.say(wire_alive=False)
    story.say(wire_alive=True)

    assert (story.said(), story.api.conflicts) == ("WireRunning", 0)


def test_what_somebody_else_wrote_later_counts_and_not_the_own_write() -> None:
    story = Story()
    story.say(wire_alive=True)
    story.api.there = story.known[KEY] = speaker(9)
    story.say(wire_alive=True)

    assert (story.said(), story.api.conflicts) == ("WireRunning", 0)


@pytest.mark.parametrize(
    ("sentence", "other"),
    [
        ("it was made anew", speaker(1, uid="another")),
        ("a backup was restored, with older versions", speaker(1)),
    ],
)
def test_an_own_write_that_is_no_more_is_forgotten(sentence: str, other: Any) -> None:
    story = Story()
    story.say(wire_alive=True)
    story.api.there = story.known[KEY] = other
    for _ in range(2):
        try:
            story.say(wire_alive=False)
        except Conflict:
            continue

    assert story.said() == "WireDown", sentence
    assert story.api.conflicts <= 1, sentence
