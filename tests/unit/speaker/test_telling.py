"""What is written into a VirtualIP's status, and how often."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from lbctl.kube.client import Client
from lbctl.kube.errors import Conflict, NotFound, Unavailable
from lbctl.kube.objects import Key
from speaker.agent.channel import Channel
from speaker.agent.kin import Acquaintances
from speaker.agent.telling import Teller
from speaker.messages import AddressReport, State

KEY = Key("", "10.0.0.9")
OURS, STRANGER = "02:00:00:00:00:01", "02:00:00:00:00:77"
HOLDING = AddressReport("10.0.0.9", State.HOLDING, interface="eth0", mac=OURS, since=1e9)
IDLE = AddressReport("10.0.0.9", State.IDLE, since=1e9)


class FakeApi:
    """One VirtualIP."""

    def __init__(self) -> None:
        self.patches: list[Any] = []
        self.refusals: list[Exception] = []
        self.unreadable: list[Exception] = []
        self.conflicts = 0
        self.reads = 0
        self.there: Any = virtual_ip()

    async def patch_status(self, _: object, __: str, patch: Any, *, resource_version: str) -> None:
        if self.refusals:
            raise self.refusals.pop()
        if self.there is not None and self.there["metadata"]["resourceVersion"] != resource_version:
            self.conflicts += 1
            raise Conflict("the object has been modified")
        self.patches.append(patch)

    async def get(self, _: object, name: str) -> Any:
        self.reads += 1
        if self.unreadable:
            raise self.unreadable.pop()
        if self.there is None:
            raise NotFound(name)
        return self.there


class FakeChannel:
    """The wire's words."""

    def __init__(self, *reports: AddressReport) -> None:
        self.reports = {report.address: report for report in reports}


def virtual_ip(version: int = 1, **status: Any) -> Any:
    return {
        "metadata": {"name": "10.0.0.9", "resourceVersion": str(version)},
        "spec": {"succession": ["n1", "n2"]},
        "status": status,
    }


class Story:
    """A teller, what it sees and what it wrote."""

    def __init__(self, report: AddressReport) -> None:
        self.api = FakeApi()
        self.channel = FakeChannel(report)
        self.known: dict[Key, Any] = {KEY: virtual_ip()}
        self.rewritten: set[str] = set()
        self.now = 1000.0
        client = cast("Client", self.api)
        self.kin = Acquaintances(client, changed=lambda: None)
        self.teller = Teller(
            client,
            node="n1",
            channel=cast("Channel", self.channel),
            known=self.known,
            kin=self.kin,
            partners=set,
            rewrites=lambda address: address in self.rewritten,
            clock=lambda: self.now,
        )

    def tell(self) -> float | None:
        return asyncio.run(self.teller.tell(KEY))

    def tell_until_done(self) -> None:
        while (wait := self.tell()) is not None:
            self.now += wait

    def hear(self, report: AddressReport) -> None:
        self.channel.reports["10.0.0.9"] = report


def blocked_by(mac: str) -> AddressReport:
    return replace(IDLE, state=State.BLOCKED, by_mac=mac)


def test_a_flood_of_forged_claims_is_one_write_a_second() -> None:
    story = Story(blocked_by(STRANGER))
    waits = []
    for number in range(50):
        story.hear(blocked_by(f"02:00:00:00:00:{number:02x}"))
        waits.append(story.tell())

    assert len(story.api.patches) == 1
    assert waits[0] is None
    assert all(wait is not None and 0 < wait <= 1 for wait in waits[1:]), "and the rest comes later"


def test_what_came_too_soon_is_written_in_its_time() -> None:
    story = Story(blocked_by(STRANGER))
    story.tell()
    story.hear(HOLDING)
    story.tell_until_done()

    assert story.api.patches[-1]["holder"] == "n1"


def test_a_write_that_failed_does_not_count() -> None:
    story = Story(HOLDING)
    story.api.refusals = [Unavailable("no answer in time")]
    with pytest.raises(Unavailable):
        story.tell()

    assert story.tell() is None
    assert len(story.api.patches) == 1


def test_what_others_write_meanwhile_is_one_conflict_and_not_one_for_each_write() -> None:
    """Each news of a write is a reason to look again, and the next write is on its way already."""
    story = Story(HOLDING)
    waits = []
    for version in range(2, 7):
        story.api.there = virtual_ip(version)
        waits.append(story.tell())
        story.known[KEY] = virtual_ip(version)

    assert story.api.conflicts == 1
    assert all(wait is not None and 0 < wait <= 0.2 for wait in waits)
    story.tell_until_done()
    assert story.api.conflicts == 1
    assert story.api.patches[-1]["holder"] == "n1"
    assert story.api.reads == 0, "the watch told it"


def test_a_refused_write_is_not_repeated_upon_what_the_watch_showed_then() -> None:
    story = Story(HOLDING)
    story.api.there = virtual_ip(2, conditions=[{"type": "Planned", "status": "True"}])
    story.tell_until_done()

    assert story.api.conflicts == 1
    assert {entry["type"] for entry in story.api.patches[-1]["conditions"]} >= {"Planned"}


def test_out_of_sight_the_own_word_is_withdrawn_at_once() -> None:
    story = Story(HOLDING)
    story.tell()
    story.known.clear()
    story.api.there = virtual_ip(holder="n1")
    story.hear(IDLE)

    assert story.tell() is None
    assert story.api.patches[-1]["holder"] is None
    assert story.channel.reports == {}


def test_a_word_that_could_not_be_withdrawn_is_withdrawn_later() -> None:
    story = Story(HOLDING)
    story.tell()
    story.known.clear()
    assert story.tell() is None, "out of sight, and the wire has not let it go yet"
    story.api.there = virtual_ip(holder="n1")
    story.hear(IDLE)
    story.api.unreadable = [Unavailable("no answer in time")]
    with pytest.raises(Unavailable):
        story.tell()
    story.api.refusals = [Conflict("somebody was faster")]
    story.tell_until_done()

    assert story.api.patches[-1]["holder"] is None
    assert story.channel.reports == {}


def test_of_an_address_that_is_gone_nothing_is_remembered() -> None:
    story = Story(blocked_by(STRANGER))
    story.tell()
    assert story.api.patches[-1]["conflict"]["mac"] == STRANGER
    story.known.clear()
    story.api.there = None
    story.hear(IDLE)
    story.tell()

    story.hear(IDLE)
    story.api.there = virtual_ip(conflict={"mac": STRANGER, "node": "n1"})
    story.tell()

    assert len(story.api.patches) == 1, "another object of the same name is not ours to mend"


def test_a_speaker_that_is_no_partner_is_no_stranger() -> None:
    story = Story(blocked_by(STRANGER))
    story.kin.want({"n2"})
    story.tell()
    assert "conflict" not in story.api.patches[-1], "n2 may have this MAC"


def test_an_address_that_is_none_is_nobodys() -> None:
    story = Story(HOLDING)

    assert asyncio.run(story.teller.tell(Key("", "made-by-hand"))) is None


def test_what_the_table_does_is_said_with_the_hold() -> None:
    story = Story(HOLDING)
    story.rewritten.add("10.0.0.9")
    story.tell()
    (patch,) = story.api.patches
    assert (patch["holder"], patch["handOff"]) == ("n1", "NodePort")
