"""Speakers that are no partners and yet no strangers: who they are, and when they are read."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_interface
from typing import Any, cast

import pytest

from lbctl.core.objects.speakers import InterfaceView
from lbctl.kube.client import Client
from lbctl.kube.errors import NotFound, Unavailable
from speaker.agent import kin
from speaker.agent.interfaces import Interface
from speaker.agent.kin import Acquaintances, rows, unknown
from speaker.messages import Entry, Kin, Peer, Role

PEERS = (
    Peer("n2", "10.0.0.2", "02:00:00:00:00:02", "eth0"),
    Peer("n3", "10.1.0.3", "02:00:00:00:01:03", "eth1"),
    Peer("n4", "10.0.0.4", "", "eth0"),
)


def entry(*succession: str, **fields: Any) -> Entry:
    return Entry("10.0.0.100", "eth0", 2, "", Role.CLAIM, 0, succession, **fields)


@pytest.mark.parametrize(
    ("sentence", "planned", "wanted"),
    [
        ("a partner is known, and so are we", entry("n1", "n2"), set()),
        ("a node that is no partner", entry("n1", "n9"), {"n9"}),
        ("a partner on another LAN alone", entry("n1", "n3"), {"n3"}),
        ("a partner whose MAC nobody told", entry("n1", "n4"), {"n4"}),
        ("who holds it", entry("n1", holder="n8"), {"n8"}),
        ("who hands it over", entry("n1", outgoing="n7"), {"n7"}),
    ],
)
def test_about_whom_the_plan_makes_us_ask(sentence: str, planned: Entry, wanted: set[str]) -> None:
    assert unknown([planned], PEERS, "n1") == wanted, sentence


def interface(name: str, address: str, mac: str) -> InterfaceView:
    return InterfaceView(name, mac, (ip_interface(address),), carrier=True)


OWN = [
    Interface(2, interface("eth0", "10.0.0.1/24", "02:00:00:00:00:01")),
    Interface(3, interface("eth1", "10.1.0.1/24", "02:00:00:00:01:01")),
]


@pytest.mark.parametrize(
    ("sentence", "theirs", "told"),
    [
        ("nothing is known", (), []),
        ("in the subnet, whatever its name", (interface("lan", "10.0.0.9/24", "a"),),
         [("eth0", "a")]),
        ("on both LANs", (interface("x", "10.0.0.9/24", "a"), interface("y", "10.1.0.9/24", "b")),
         [("eth0", "a"), ("eth1", "b")]),
        ("of the same name, in no subnet of ours", (interface("eth1", "10.9.0.9/24", "c"),),
         [("eth1", "c")]),
    ],
)  # fmt: skip
def test_what_the_wire_is_told(
    sentence: str, theirs: tuple[InterfaceView, ...], told: list[tuple[str, str]]
) -> None:
    expected = tuple(Kin("n9", name, mac) for name, mac in told)

    assert rows({"n9": theirs}, OWN) == expected, sentence


class FakeApi:
    """Speakers by name; an exception is raised instead."""

    def __init__(self, **speakers: Any) -> None:
        self.speakers = speakers
        self.reads: list[str] = []

    async def get(self, _: object, name: str) -> Any:
        self.reads.append(name)
        found = self.speakers.get(name, NotFound("no such Speaker"))
        if isinstance(found, Exception):
            raise found
        return found


def speaker(name: str, mac: str) -> Any:
    status = {"interfaces": [{"name": "eth0", "mac": mac, "addresses": ["10.0.0.9/24"]}]}
    return {"metadata": {"name": name}, "status": status}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # what is watched tells nobody
            await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kin, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(kin, "DOUBT_SECONDS", 0.0)


def acquainted(api: FakeApi, told: list[int]) -> Acquaintances:
    return Acquaintances(cast("Client", api), changed=lambda: told.append(1))


def test_each_is_read_once_and_again_when_a_stranger_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        api, told = FakeApi(n8=speaker("n8", "a"), n9=speaker("n9", "b")), list[int]()
        known = acquainted(api, told)
        running = asyncio.create_task(known.run())
        known.want({"n8", "n9"})
        assert known.unread == {"n8", "n9"}
        await until(lambda: known.macs == {"a", "b"})
        known.want({"n8", "n9"})
        assert (sorted(api.reads), len(told), known.unread) == (["n8", "n9"], 2, frozenset())

        api.speakers["n9"] = speaker("n9", "c")
        known.doubt()
        await until(lambda: known.macs == {"a", "c"})
        assert sorted(api.reads) == ["n8", "n8", "n9", "n9"]

        known.want({"n8"})
        assert known.macs == {"a", "c"}, "it may hold an address by an older plan"
        api.speakers.pop("n8")
        known.doubt()
        await until(lambda: api.reads.count("n8") == 3)
        assert known.macs == {"a", "c"}, "and so may one whose Speaker is gone"

        monkeypatch.setattr(kin, "REMEMBERED_SECONDS", 0.0)
        known.want({"n8", "n7"})
        assert known.macs == {"a"}
        running.cancel()

    asyncio.run(story())


def test_who_has_no_speaker_is_no_riddle_and_an_api_that_is_away_is_one() -> None:
    async def story() -> None:
        api, told = FakeApi(n9=Unavailable("away")), list[int]()
        known = acquainted(api, told)
        running = asyncio.create_task(known.run())
        known.want({"n8", "n9"})
        await until(lambda: {*api.reads} == {"n8", "n9"} and "n8" in known.known)

        assert known.unread == {"n9"}
        running.cancel()

    asyncio.run(story())
