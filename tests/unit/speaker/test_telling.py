"""What is written into a VirtualIP's status, and how often."""

import asyncio
import time
from dataclasses import replace
from typing import Any, cast

import pytest

from lbctl.kube.client import Client
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.objects import Key
from speaker.agent import telling
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
        self.there: Any = virtual_ip()

    async def patch_status(self, _: object, __: str, patch: Any, **___: Any) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.patches.append(patch)

    async def get(self, _: object, name: str) -> Any:
        if self.there is None:
            raise NotFound(name)
        return self.there


class FakeChannel:
    """The wire's words."""

    def __init__(self, *reports: AddressReport) -> None:
        self.reports = {report.address: report for report in reports}


def virtual_ip(**status: Any) -> Any:
    return {
        "metadata": {"name": "10.0.0.9", "resourceVersion": "1"},
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
        )

    def tell(self) -> float | None:
        return asyncio.run(self.teller.tell(KEY))

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


def test_what_came_too_soon_is_written_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "WRITE_SECONDS", 0.01)
    story = Story(blocked_by(STRANGER))
    story.tell()
    story.hear(HOLDING)
    while (wait := story.tell()) is not None:
        time.sleep(wait)

    assert story.api.patches[-1]["holder"] == "n1"


def test_a_write_that_was_refused_does_not_count() -> None:
    story = Story(HOLDING)
    story.api.refusals = [Conflict("somebody was faster")]
    with pytest.raises(Conflict):
        story.tell()

    assert story.tell() is None
    assert len(story.api.patches) == 1


def test_out_of_sight_the_own_word_is_withdrawn_at_once() -> None:
    story = Story(HOLDING)
    story.tell()
    story.known.clear()
    story.api.there = virtual_ip(holder="n1")
    story.hear(IDLE)

    assert story.tell() is None
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
