"""Whom the operator takes for dead by the word of its partners, as stories."""

from dataclasses import replace

import pytest

from lbctl.core.objects.speakers import NodeView, PartnerReport, exclusion
from lbctl.core.outcomes import LeftOut, Liveness, PartnerState
from lbctl.core.succession.deaths import reported_down
from lbctl.core.succession.partners import partnerships
from tests.unit.core.builders import ip, node

WORDS = {
    "+": PartnerState.UP,
    "-": PartnerState.DOWN,
    "x": PartnerState.ADMIN_DOWN,
    "?": PartnerState.NEVER_UP,
}


def cluster(said: str) -> dict[str, NodeView]:
    """The nodes a, b, c... of one LAN; a word for each says how it sees all of them in their order.

    `.` stands for itself. A node whose word is `stale` is no witness.
    """
    everybody = dict(zip("abcdefgh", said.split(), strict=False))
    found = {}
    for host, (name, word) in enumerate(everybody.items(), start=1):
        liveness = Liveness.STALE if word == "stale" else Liveness.FRESH
        made = node(name, f"10.0.0.{host}/24", liveness=liveness)
        assert made.speaker is not None
        reports = tuple(
            PartnerReport(of, WORDS[mark])
            for of, mark in zip(everybody, word, strict=False)
            if mark in WORDS
        )
        found[name] = replace(made, speaker=replace(made.speaker, reports=reports))
    return found


@pytest.mark.parametrize(
    ("rule", "said", "dead"),
    [
        ("all see all", ".++ +.+ ++.", ""),
        ("two saw the third die; its own word is from before", ".+- +.- ++.", "c"),
        ("it said that it stops", ".+x +.x ++.", "c"),
        ("one word is not enough", ".+- +.? ++.", ""),
        ("who was never up is unknown", ".+? +.? ++.", ""),
        ("a partner that sees it alive outweighs two", ".++- +.+- ++.+ +++.", ""),
        ("a lost cable: who sees nobody is no witness", ".++ +.+ --.", ""),
        ("the others see it, and it sees nobody", ".+- +.- --.", "c"),
        ("of two, one word must do", ".- +.", "b"),
        ("a cut between two is no death", ".- -.", ""),
        ("two against three: the larger side is right", ".+--- +.--- --.++ --+.+ --++.", "ab"),
        ("two against two: nobody is", ".+-- +.-- --.+ --+.", ""),
        ("what the dead said of each other is old", ".++-- +.+-- ++.-- +++.+ ++++.", "de"),
        ("a witness whose Lease is stale is none", ".+- stale ++.", ""),
        ("a node alone is reported by nobody", ".", ""),
    ],
)
def test_who_is_dead(rule: str, said: str, dead: str) -> None:
    known = cluster(said)

    assert reported_down(known, partnerships(known)) == set(dead), rule


@pytest.mark.parametrize(
    ("rule", "sessions", "dead"),
    [
        ("all sessions are down", "--", True),
        ("it stopped on one LAN and was lost on the other", "x-", True),
        ("it is seen alive on another LAN", "-+", False),
        ("a session that never was up says nothing", "-?", True),
        ("nor do two of them", "??", False),
    ],
)
def test_a_node_on_two_lans_is_dead_on_both(rule: str, sessions: str, *, dead: bool) -> None:
    known = cluster(".++ +.+ ++.")
    for witness in "ab":
        speaker = known[witness].speaker
        assert speaker is not None
        others = tuple(report for report in speaker.reports if report.node != "c")
        of_c = tuple(PartnerReport("c", WORDS[mark]) for mark in sessions)
        known[witness] = replace(known[witness], speaker=replace(speaker, reports=(*of_c, *others)))

    assert (reported_down(known, partnerships(known)) == {"c"}) is dead, rule


def test_a_word_about_a_stranger_is_ignored() -> None:
    known = cluster(".- +.")
    assert known["a"].speaker is not None
    gone = (PartnerReport("gone", PartnerState.DOWN),)
    known["a"] = replace(known["a"], speaker=replace(known["a"].speaker, reports=gone))

    assert reported_down(known, partnerships(known)) == frozenset()


@pytest.mark.parametrize(
    ("rule", "liveness", "reason"),
    [
        ("before its Lease is stale", Liveness.FRESH, LeftOut.REPORTED_DOWN),
        ("and after, without another word", Liveness.STALE, LeftOut.REPORTED_DOWN),
        ("a stop in good order is told as such", Liveness.RELEASED, LeftOut.SPEAKER_STOPPED),
    ],
)
def test_who_is_reported_down_is_left_out(rule: str, liveness: Liveness, reason: LeftOut) -> None:
    found = exclusion(replace(node("n", liveness=liveness), reported_down=True), ip(".10"))

    assert found is not None, rule
    assert found.reason is reason, rule
