"""Partners in the agent: from the Speaker's spec to the wire, and from there to its status."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_interface
from typing import Any

import pytest

from lbctl.core.objects.speakers import InterfaceView
from lbctl.core.outcomes import PartnerState
from lbctl.core.succession.partners import Partner
from lbctl.kube.lease import Record
from speaker.agent.interfaces import Interface
from speaker.agent.partners import named, peers, reachable, status_rows, unheard, urgent
from speaker.agent.suspects import AT_MOST, Renewals
from speaker.messages import Peer, PeerReport, PeerState

N2 = Partner("n2", IPv4Address("10.0.0.2"), "02:00:00:00:00:02")
ROW = {"node": "n2", "address": "10.0.0.2", "mac": "02:00:00:00:00:02"}


@pytest.mark.parametrize(
    ("sentence", "speaker", "expected"),
    [
        ("no Speaker says nothing", None, None),
        ("one that was made anew says nothing", {"metadata": {}}, None),
        ("an empty list says: nobody", {"spec": {"partners": []}}, ()),
        ("a partner", {"spec": {"partners": [ROW]}}, (N2,)),
        (
            "a partner over IPv6, on a LAN of several",
            {"spec": {"partners": [ROW | {"address": "fd00::2", "interface": "eth1"}]}},
            (replace(N2, address=IPv6Address("fd00::2"), interface="eth1"),),
        ),
        ("no address, no partner", {"spec": {"partners": [ROW | {"address": "n2"}]}}, ()),
    ],
)
def test_what_the_spec_says(
    sentence: str, speaker: Any, expected: tuple[Partner, ...] | None
) -> None:
    assert named(speaker) == expected, sentence


def interface(name: str, *own: str, carrier: bool = True) -> Interface:
    addresses = tuple(map(ip_interface, own))
    view = InterfaceView(name, "02:00:00:00:00:01", addresses, carrier=carrier)
    return Interface(int(name[-1]), view)


@pytest.mark.parametrize(
    ("sentence", "interfaces", "chosen"),
    [
        ("the interface in the subnet", [("eth0", "10.1.0.1/24"), ("eth1", "10.0.0.1/24")], "eth1"),
        ("the narrowest subnet", [("eth0", "10.0.0.1/8"), ("eth1", "10.0.0.1/24")], "eth1"),
        ("no interface there: no session", [("eth0", "10.1.0.1/24")], None),
    ],
)
def test_a_session_runs_on_the_interface_of_the_lan(
    sentence: str, interfaces: list[tuple[str, str]], chosen: str | None
) -> None:
    found = peers([N2], [interface(*each) for each in interfaces])

    mac = "02:00:00:00:00:02"
    expected = [Peer("n2", "10.0.0.2", mac, chosen, "10.0.0.1")] if chosen else []
    assert [*found] == expected, sentence


@pytest.mark.parametrize(
    ("sentence", "partner", "interfaces", "session"),
    [
        (
            "the interface that the operator names, whatever others are there",
            replace(N2, interface="eth1"),
            [("eth0", "10.0.0.9/30"), ("eth1", "10.0.0.1/24")],
            ("eth1", "10.0.0.1"),
        ),
        (
            "none while that one is not there",
            replace(N2, interface="eth1"),
            [("eth0", "10.0.0.9/24")],
            None,
        ),
        (
            "none while that one has no address there",
            replace(N2, interface="eth0"),
            [("eth0", "10.0.1.9/24")],
            None,
        ),
        (
            "from the first of several addresses, as the Speaker's status lists them",
            replace(N2, address=IPv6Address("fd00::2"), interface="eth0"),
            [("eth0", "10.0.0.1/24", "fd00::7/64", "fd00::1/64")],
            ("eth0", "fd00::7"),
        ),
    ],
)
def test_a_session_runs_where_the_operator_says(
    sentence: str,
    partner: Partner,
    interfaces: list[tuple[str, ...]],
    session: tuple[str, str] | None,
) -> None:
    found = peers([partner], [interface(*each) for each in interfaces])

    assert [(one.interface, one.source) for one in found] == ([session] if session else []), (
        sentence
    )


def test_a_partner_has_one_session_for_each_interface() -> None:
    ends = [replace(N2, interface="eth0"), replace(N2, interface="eth1")]
    lans = [interface("eth0", "10.0.0.1/24"), interface("eth1", "10.0.0.3/24")]

    assert [one.interface for one in peers([*ends, N2], lans)] == ["eth0", "eth1"]


def test_an_unplugged_interface_keeps_its_sessions_unless_another_has_a_carrier() -> None:
    unplugged = interface("eth0", "10.0.0.1/24", carrier=False)

    assert [peer.interface for peer in peers([N2], [unplugged])] == ["eth0"]
    both = [unplugged, interface("eth1", "10.0.0.3/24")]
    assert [peer.interface for peer in peers([N2], both)] == ["eth1"]


SINCE = 1_800_000_000.7  # 2027-01-15T08:00:00Z
UP = PeerReport("n2", PeerState.UP, SINCE, "up", interface="eth0", address="10.0.0.2")
TIMED_OUT = replace(
    UP,
    state=PeerState.DOWN,
    since=SINCE + 9,
    diagnostic="control-detection-time-expired",
)
SIGNALLED = replace(TIMED_OUT, diagnostic="neighbor-signaled-session-down")
STOPPED = replace(UP, state=PeerState.ADMIN_DOWN, since=SINCE + 9, remote_state="admin-down")
NEVER = replace(UP, state=PeerState.NEVER_UP, remote_state="down")


def test_the_status_says_when_each_partner_was_last_seen_to_change() -> None:
    rows = status_rows([replace(UP, interface="eth1", address="fd00::2"), replace(UP, node="n1")])

    assert rows == [
        {
            "node": "n1",
            "interface": "eth0",
            "address": "10.0.0.2",
            "state": "Up",
            "since": "2027-01-15T08:00:00Z",
        },
        {
            "node": "n2",
            "interface": "eth1",
            "address": "fd00::2",
            "state": "Up",
            "since": "2027-01-15T08:00:00Z",
        },
    ]


@pytest.mark.parametrize("answers", [True, False])
def test_it_says_whether_a_dead_partners_own_address_answers(*, answers: bool) -> None:
    (row,) = status_rows([replace(TIMED_OUT, answers=answers)])

    assert row["answers"] is answers
    assert "answers" not in status_rows([TIMED_OUT])[0], "nobody asked yet"


@pytest.mark.parametrize("state", PeerState)
def test_each_state_of_the_wire_has_a_word_in_the_api(state: PeerState) -> None:
    (row,) = status_rows([replace(UP, state=state)])

    assert row["state"] in {*PartnerState}


@pytest.mark.parametrize(
    ("sentence", "before", "after", "expected"),
    [
        ("a death", (UP,), (TIMED_OUT,), True),
        ("a stop", (UP,), (STOPPED,), True),
        (
            "a death on another LAN",
            (TIMED_OUT,),
            (TIMED_OUT, replace(TIMED_OUT, interface="eth1")),
            True,
        ),
        ("a death that was told", (TIMED_OUT,), (TIMED_OUT,), False),
        ("a silent address", (TIMED_OUT,), (replace(TIMED_OUT, answers=False),), True),
        ("another word about it", (TIMED_OUT,), (replace(TIMED_OUT, heard=True),), False),
        ("a wire that starts again takes its sessions down", (UP,), (SIGNALLED,), False),
        ("a return", (TIMED_OUT,), (UP,), False),
        ("a new partner", (), (NEVER,), False),
    ],
)
def test_only_a_death_is_told_at_once(
    sentence: str, before: tuple[PeerReport, ...], after: tuple[PeerReport, ...], *, expected: bool
) -> None:
    assert urgent(before, after) is expected, sentence


@pytest.mark.parametrize(
    ("sentence", "report", "age", "alive", "reason"),
    [
        ("all is well", UP, 60, {"n2"}, "Reachable"),
        ("it lives and is not heard: a firewall", NEVER, 10, {"n2"}, "BFDBlocked"),
        ("sessions take a moment", NEVER, 9, {"n2"}, "Reachable"),
        ("a dead node is no firewall", NEVER, 60, set(), "Reachable"),
        ("a firewall that came later", TIMED_OUT, 10, {"n2"}, "BFDBlocked"),
        (
            "its machine answers, so the LAN is well",
            replace(TIMED_OUT, answers=True),
            10,
            {"n2"},
            "BFDBlocked",
        ),
        (
            "its machine does not: it is dead, or the LAN is",
            replace(TIMED_OUT, answers=False),
            60,
            {"n2"},
            "Reachable",
        ),
        ("a wire that starts again is back by then", SIGNALLED, 9, {"n2"}, "Reachable"),
        ("heard, and deaf to us: one way is blocked", SIGNALLED, 10, {"n2"}, "BFDBlocked"),
        ("one that stops stops", STOPPED, 60, {"n2"}, "Reachable"),
    ],
)
def test_a_blocked_port_is_told_from_a_dead_node(
    sentence: str, report: PeerReport, age: float, alive: set[str], reason: str
) -> None:
    found = reachable([report], alive, port=3784, now=report.since + age, generation=2)

    assert (found.reason, found.status) == (reason, reason == "Reachable"), sentence
    assert found.generation == 2


def test_a_partner_that_lives_on_another_lan_tells_of_a_dead_one() -> None:
    silent = replace(TIMED_OUT, interface="eth1", answers=False)

    def found(*reports: PeerReport, age: float = 60) -> Any:
        return reachable(reports, (), port=3784, now=SINCE + age, generation=1)

    said = found(UP, silent)
    assert (said.reason, said.status) == ("LANSilent", False)
    assert said.message.startswith("n2 on eth1: silent there, and alive on another LAN")
    assert found(UP, silent, age=9).reason == "Reachable"
    assert found(replace(UP, node="n3"), silent).reason == "Reachable", "the node is dead"


def test_the_condition_says_what_to_open_and_for_whom() -> None:
    reports = [replace(NEVER, node=node) for node in ("n3", "n2", "n4")]
    reports.append(replace(NEVER, interface="eth1"))

    found = reachable(reports, {"n2", "n3"}, port=13784, now=SINCE + 60, generation=1)

    assert found.message.startswith("n2 on eth0, n2 on eth1, n3 on eth0: alive")
    assert "let UDP port 13784 pass between the nodes, both ways" in found.message
    assert len(unheard(reports, SINCE + 60)) == 4


def record(mark: str, holder: str = "n2") -> Record:
    return Record(holder, mark)


@pytest.mark.parametrize(
    ("sentence", "looks", "alive"),
    [
        ("one look tells nothing", [record("t1")], False),
        ("a renewal between two looks", [record("t1"), record("t2")], True),
        ("the same twice is a dead one", [record("t1"), record("t1")], False),
        ("it died later", [record("t1"), record("t2"), record("t2")], False),
        ("it was stopped", [record("t1"), record("t2"), record("t3", "")], False),
        ("no Lease", [record("t1"), record("t2"), None], False),
        ("a first Lease after none", [None, record("t1")], True),
    ],
)
def test_who_renews_its_lease_lives(
    sentence: str, looks: list[Record | None], *, alive: bool
) -> None:
    renewals = Renewals()

    for look in looks:
        assert renewals.next(["n2"]) == ["n2"]
        renewals.see("n2", look)

    assert ("n2" in renewals.alive) is alive, sentence


def test_a_few_leases_are_read_at_once_and_each_in_its_turn() -> None:
    renewals, suspects = Renewals(), [f"n{number}" for number in range(2 * AT_MOST)]
    seen: set[str] = set()

    for _ in range(2):
        turn = renewals.next(suspects)
        assert len(turn) == AT_MOST
        seen.update(turn)
        for node in turn:
            renewals.see(node, record("t1"))

    assert seen == {*suspects}


def test_who_is_heard_again_is_forgotten() -> None:
    renewals = Renewals()
    for mark in ("t1", "t2"):
        renewals.see("n2", record(mark))

    renewals.next(["n3"])

    assert renewals.alive == frozenset()
