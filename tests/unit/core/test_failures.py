"""Which node is dead, and how many of them may be marked, as stories."""

from dataclasses import replace

import pytest

from lbctl.core.objects.speakers import NodeView, PartnerReport
from lbctl.core.outcomes import Liveness, PartnerState, Spared
from lbctl.core.succession.failures import (
    MARKING_SECONDS,
    WINDOW_SECONDS,
    Incidents,
    alive,
    suspicions,
)
from tests.unit.core.builders import node

WORDS = {
    "+": (PartnerState.UP, None),
    "-": (PartnerState.DOWN, False),
    "a": (PartnerState.DOWN, True),
    "d": (PartnerState.DOWN, None),
    "x": (PartnerState.ADMIN_DOWN, False),
    "?": (PartnerState.NEVER_UP, None),
}


def cluster(said: str) -> dict[str, NodeView]:
    """The nodes a, b, c... of one LAN; a word for each says how it sees all of them in their order.

    `+` alive; lost, and its own address `-` silent, `a` answers, `d` not asked yet; `x` said that
    it stops; `?` never up; `.` itself. A node whose word is `stale` is no witness.
    """
    everybody = dict(zip("abcdefgh", said.split(), strict=False))
    found = {}
    for host, (name, word) in enumerate(everybody.items(), start=1):
        liveness = Liveness.STALE if word == "stale" else Liveness.FRESH
        made = node(name, f"10.0.0.{host}/24", liveness=liveness)
        assert made.speaker is not None
        reports = tuple(
            PartnerReport(of, WORDS[mark][0], answers=WORDS[mark][1])
            for of, mark in zip(everybody, word, strict=False)
            if mark in WORDS
        )
        found[name] = replace(made, speaker=replace(made.speaker, reports=reports))
    return found


@pytest.mark.parametrize(
    ("rule", "said", "expected"),
    [
        ("all see all", ".++ +.+ ++.", {}),
        ("two lost the third, and its address is silent", ".+- +.- ++.", {"c": None}),
        ("that it held nothing makes no difference: nobody asks", ".+- +.- ...", {"c": None}),
        ("one word is not enough", ".+- +.? ++.", {"c": Spared.TOO_FEW_WORDS}),
        ("not asked yet is no word", ".+- +.d ++.", {"c": Spared.TOO_FEW_WORDS}),
        ("a partner sees it alive", ".++- +.+- ++.+ +++.", {"d": Spared.SEEN_ALIVE}),
        (
            "it only lost its speaker: its address answers",
            ".+a +.a ++.",
            {"c": Spared.ADDRESS_ANSWERS},
        ),
        ("one answer outweighs two silences", ".++- +.+- ++.a +++.", {"d": Spared.ADDRESS_ANSWERS}),
        ("it said that it stops: that is no death", ".+x +.x ++.", {}),
        ("who was never up is unknown", ".+? +.? ++.", {}),
        ("a lost cable: who sees nobody is no witness", ".++ +.+ --.", {}),
        ("the others see it, and it sees nobody", ".+- +.- --.", {"c": None}),
        ("a whole LAN goes down: nobody is accused", ".--- -.-- --.- ---.", {}),
        ("two against two: nobody is", ".+-- +.-- --.+ --+.", {}),
        (
            "two against three: the larger side is right",
            ".+--- +.--- --.++ --+.+ --++.",
            {"a": None, "b": None},
        ),
        (
            "what the dead said of each other is old",
            ".++-- +.+-- ++.-- +++.+ ++++.",
            {"d": None, "e": None},
        ),
        ("a witness whose Lease is stale is none", ".+- stale ++.", {"c": Spared.TOO_FEW_WORDS}),
        ("of two nodes, neither is ever accused", ".- +.", {}),
    ],
)
def test_who_is_dead(rule: str, said: str, expected: dict[str, Spared | None]) -> None:
    found = suspicions(cluster(said))

    assert {name: one.spared for name, one in found.items()} == expected, rule


def test_with_a_session_for_each_interface_all_must_be_lost() -> None:
    known = cluster(".+- +.- ++.")
    assert known["a"].speaker is not None
    second = PartnerReport("c", PartnerState.UP)
    reports = (*known["a"].speaker.reports, second)
    known["a"] = replace(known["a"], speaker=replace(known["a"].speaker, reports=reports))

    assert suspicions(known)["c"].spared is Spared.SEEN_ALIVE
    assert alive("c", known)


def test_the_words_are_named() -> None:
    assert suspicions(cluster(".++- +.+- ++.d +++."))["d"].words == ("a", "b")


@pytest.mark.parametrize(
    ("rule", "said", "expected"),
    [
        ("somebody sees it", ".+- +.+ ++.", True),
        ("nobody sees it", ".+- +.- ++.", False),
        ("who saw it last does not live", ".+- stale+ ++.", False),
    ],
)
def test_who_lives(rule: str, said: str, *, expected: bool) -> None:
    assert alive("c", cluster(said.replace("stale+", "stale"))) is expected, rule


@pytest.mark.parametrize(
    ("rule", "before", "nodes", "after", "expected"),
    [
        ("the first", [], 3, 0, None),
        ("of two nodes, none", [], 2, 0, Spared.TOO_FEW_NODES),
        ("always one, and of nine nodes not a second", ["b"], 9, 10, Spared.LIMIT_REACHED),
        ("of ten nodes a second", ["b"], 10, 10, None),
        ("and no third", ["b", "c"], 10, 10, Spared.LIMIT_REACHED),
        ("after five minutes there is room again", ["b"], 3, WINDOW_SECONDS, None),
        ("a node that dies again is no other node", ["a"], 3, 10, None),
        ("a clock that was far ahead limits nothing for hours", ["b"], 3, -3600, None),
    ],
)
def test_the_limits(
    rule: str, before: list[str], nodes: int, after: float, expected: Spared | None
) -> None:
    incidents = Incidents()
    for name in before:
        incidents.begin(name)
        incidents.done(name)

    marked = dict.fromkeys(before, 0.0)
    assert incidents.admit("a", nodes=nodes, marked=marked, now=after) is expected, rule


def test_one_node_at_a_time() -> None:
    incidents = Incidents()
    incidents.begin("a")
    assert incidents.admit("b", nodes=50, marked={}, now=0) is Spared.ONE_AT_A_TIME
    assert incidents.admit("a", nodes=50, marked={}, now=0) is None, "it goes on with that one"
    incidents.done("a")
    assert incidents.admit("b", nodes=50, marked={}, now=0) is None


def test_nor_does_another_replica_mark_another_node_at_the_time() -> None:
    incidents = Incidents()

    def admitted(now: float) -> Spared | None:
        return incidents.admit("b", nodes=50, marked={"a": 0.0}, now=now)

    assert admitted(1) is Spared.ONE_AT_A_TIME
    assert admitted(MARKING_SECONDS) is None, "that replica is done, or gone"
    incidents.begin("a")
    incidents.done("a")
    assert admitted(1) is None, "this replica has seen to that node as well"


def test_an_incident_ends_with_the_nodes_return_and_its_pods_are_done_until_then() -> None:
    incidents = Incidents()
    incidents.begin("a").add("pod")
    assert not incidents.is_done("a")
    incidents.done("a")
    assert incidents.is_done("a")
    assert incidents.begin("a") == {"pod"}, "not marked twice in one incident"
    assert incidents.over("a")
    assert not incidents.is_done("a")
    assert not incidents.over("a")
    assert incidents.begin("a") == set(), "the next incident is another"
