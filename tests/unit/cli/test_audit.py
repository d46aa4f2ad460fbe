"""What the LAN's answers mean, row by row; and the whole way to the speakers' containers."""

import pytest

from lbctl.cli.output import Format, Look, text
from lbctl.cli.state import State
from lbctl.cli.view import audit, audit_page
from lbctl.cli.view.audit import Question, Told, Verdict
from lbctl.core.addresses import Address, parse
from lbctl.kube.objects import SPEAKERS, VIRTUAL_IPS
from tests.unit.cli import clusters, golden

N1, N2, N3 = (f"02:00:00:00:00:1{number}" for number in (1, 2, 3))
THIEF, OTHER_THIEF = "02:00:00:00:00:99", "02:00:00:00:00:98"
WEB, API, FREE = "172.16.110.100", "172.16.110.101", "172.16.110.105"
LOOK = Look(audit_page.render, audit_page.names)


def address(text: str) -> Address:
    found = parse(text)
    assert found is not None
    return found


def told(text: str, **nodes: tuple[str, ...]) -> dict[str, Told]:
    return {name: Told({text: macs}) for name, macs in nodes.items()}


@pytest.mark.parametrize(
    ("sentence", "text", "heard", "verdict", "message"),
    [
        (
            "its holder hears nobody, for it does not hear itself",
            WEB,
            {"n1": (), "n2": (N1,), "n3": (N1,)},
            Verdict.WELL,
            "n1 answers, alone",
        ),
        (
            "nobody answers",
            WEB,
            {"n1": (), "n2": (), "n3": ()},
            Verdict.SILENT,
            "nobody answers, though n1 should",
        ),
        (
            "a foreign host answers beside the holder",
            WEB,
            {"n1": (THIEF,), "n2": (N1, THIEF), "n3": (N1,)},
            Verdict.SEVERAL,
            f"n1 and the foreign host {THIEF} answer",
        ),
        (
            "two nodes answer",
            WEB,
            {"n1": (N2,), "n2": (N1,), "n3": (N1, N2)},
            Verdict.SEVERAL,
            "n1 and n2 answer",
        ),
        (
            "two foreign hosts answer",
            WEB,
            {"n2": (THIEF, OTHER_THIEF)},
            Verdict.SEVERAL,
            f"the foreign host {OTHER_THIEF} and the foreign host {THIEF} answer",
        ),
        (
            "a foreign host answers, and the holder does not",
            WEB,
            {"n1": (THIEF,), "n2": (THIEF,), "n3": (THIEF,)},
            Verdict.FOREIGN,
            f"the foreign host {THIEF} answers, though n1 should",
        ),
        (
            "only the holder could ask, and hears a foreign host",
            WEB,
            {"n1": (THIEF,)},
            Verdict.SEVERAL,
            f"n1 has it, and hears the foreign host {THIEF} answer",
        ),
        (
            "another node than the holder answers",
            WEB,
            {"n1": (N2,), "n2": (), "n3": (N2,)},
            Verdict.ANOTHER,
            "n2 answers, though n1 should",
        ),
        (
            "one node is cut off from the holder",
            WEB,
            {"n1": (), "n2": (N1,), "n3": ()},
            Verdict.DIVIDED,
            "n1 answers, and n3 cannot hear it",
        ),
        (
            "only the holder could ask",
            WEB,
            {"n1": ()},
            Verdict.UNWITNESSED,
            "no other node than n1 could ask",
        ),
        (
            "nobody could ask",
            WEB,
            {},
            Verdict.NOT_ASKED,
            "no node is on its LAN, or could ask",
        ),
        ("nobody has it", FREE, {"n1": (), "n2": ()}, Verdict.FREE, "nobody answers"),
        (
            "a foreign host has an address that no Service has",
            FREE,
            {"n1": (THIEF,), "n2": (THIEF,)},
            Verdict.IN_USE,
            f"the foreign host {THIEF} answers, and no Service has it",
        ),
        (
            "a node's own address",
            "172.16.110.11",
            {"n2": (N1,), "n3": (N1,)},
            Verdict.IN_USE,
            "n1 answers: it is the own address of n1",
        ),
    ],
)
def test_what_answers_mean(
    sentence: str, text: str, heard: dict[str, tuple[str, ...]], verdict: Verdict, message: str
) -> None:
    found = audit.judge(State(clusters.healthy()), [address(text)], told(text, **heard))
    (one,) = found.addresses
    assert (one.verdict, one.message) == (verdict, message), sentence
    assert found.well is verdict.well


def test_a_mac_is_a_nodes_however_it_is_written() -> None:
    state = State(
        clusters.changed(
            clusters.healthy(),
            SPEAKERS,
            "n1",
            status__interfaces=[
                {"name": "eth0", "mac": "02:00:00:00:00:AA", "addresses": ["172.16.110.11/24"]}
            ],
        )
    )
    found = audit.judge(state, [address(WEB)], told(WEB, n2=("02:00:00:00:00:aa",)))
    assert found.addresses[0].verdict is Verdict.WELL


def test_each_node_that_lives_asks_on_the_interface_in_the_subnet_by_its_own_address() -> None:
    snapshot = clusters.dead(clusters.healthy(), "n3")
    asked = audit.questions(State(snapshot), [address(WEB), address("fd00:110::100")])
    assert asked == {
        "n1": (
            Question(WEB, "eth0", "172.16.110.11"),
            Question("fd00:110::100", "eth0", "fd00:110::11"),
        ),
        "n2": (
            Question(WEB, "eth0", "172.16.110.12"),
            Question("fd00:110::100", "eth0", "fd00:110::12"),
        ),
    }


def test_another_lan_is_asked_by_nobody() -> None:
    assert audit.questions(State(clusters.healthy()), [address("10.9.8.7")]) == {}


def test_the_interfaces_that_announce_are_asked() -> None:
    snapshot = clusters.changed(clusters.healthy(), VIRTUAL_IPS, WEB, spec__interfaces=["eth9"])
    assert audit.questions(State(snapshot), [address(WEB)]) == {}


def test_without_a_name_everything_that_has_a_virtual_ip_is_asked_for() -> None:
    found = audit.addresses_of(State(clusters.healthy()), [])
    assert [str(one) for one in found] == [WEB, API]


def test_a_node_that_cannot_ask_is_no_good_news() -> None:
    answers = told(WEB, n2=(N1,)) | {"n3": Told(problem="the node is away")}
    found = audit.judge(State(clusters.healthy()), [address(WEB)], answers)
    assert found.addresses[0].verdict is Verdict.WELL
    assert not found.well


@pytest.fixture
def ill() -> audit.Audit:
    answers = {
        "n1": Told({WEB: (THIEF,), API: (N2,)}),
        "n2": Told({WEB: (N1, THIEF), API: ()}),
        "n3": Told(problem="its speaker cannot: No module named speaker.audit"),
    }
    return audit.judge(State(clusters.healthy()), [address(WEB), address(API)], answers)


def test_what_is_wrong_is_printed(ill: audit.Audit) -> None:
    golden.same(ill, LOOK, "audit-ill.txt")
    golden.same(ill, LOOK, "audit-ill-wide.txt", Format.WIDE)
    golden.same(ill, LOOK, "audit-ill.json", Format.JSON)
    golden.same(ill, LOOK, "audit-ill-names.txt", Format.NAME)


def test_that_there_is_nothing_to_ask_for_is_said() -> None:
    assert "nothing was asked" in text(audit.Audit(True, (), ()), LOOK, Format.TABLE)


def test_that_all_is_well_is_one_line() -> None:
    answers = told(WEB, n1=(), n2=(N1,), n3=(N1,))
    answers = {
        name: Told({**one.answers, API: () if name == "n2" else (N2,)})
        for name, one in answers.items()
    }
    found = audit.judge(State(clusters.healthy()), [address(WEB), address(API)], answers)
    golden.same(found, LOOK, "audit-well.txt")
