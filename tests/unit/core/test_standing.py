"""What most nodes fail at once is doubted: reported, and not obeyed."""

from dataclasses import replace
from typing import Any

from lbctl.core.objects.advertisements import EVERYWHERE
from lbctl.core.objects.speakers import NodeView
from lbctl.core.outcomes import LeftOut, Liveness
from lbctl.core.succession.eligibility import Cluster
from lbctl.core.succession.standing import AT_ONCE, Standing, look
from tests.unit.core.builders import ip, node, nodes

NOT_READY = LeftOut.NODE_NOT_READY


class Story:
    """Nodes that are looked at again and again."""

    def __init__(self, *names: str) -> None:
        self.now = 0.0
        self.nodes = nodes(*names)
        self.standing: Standing | None = None
        self.looked()

    def becomes(self, *names: str, after: float = 1.0, **fields: Any) -> "Story":
        """So many seconds later these nodes are so."""
        self.now += after
        for name in names:
            self.nodes[name] = replace(self.nodes[name], **fields)
        return self.looked()

    def looked(self) -> "Story":
        self.standing = look(self.standing, self.nodes, self.now)
        return self

    @property
    def eligible(self) -> str:
        return "".join(self.judged.eligible)

    @property
    def doubted(self) -> str:
        return "".join(sorted(self.judged.doubted))

    @property
    def judged(self) -> Any:
        return Cluster(self.nodes, standing=self.standing).judge(ip(".10"), EVERYWHERE)


def test_what_one_of_three_fails_is_obeyed() -> None:
    story = Story(*"abc").becomes("a", ready=False)
    assert (story.eligible, story.doubted) == ("bc", "")


def test_what_two_of_three_fail_at_once_is_not() -> None:
    story = Story(*"abc").becomes("a", "b", ready=False)
    assert (story.eligible, story.doubted) == ("abc", "ab")


def test_at_once_is_within_a_minute_and_the_first_is_forgiven_too() -> None:
    story = Story(*"abc").becomes("a", ready=False)
    assert story.eligible == "bc"
    story.becomes("b", after=AT_ONCE - 1, ready=False)
    assert (story.eligible, story.doubted) == ("abc", "ab")


def test_what_comes_a_minute_later_is_another_failure() -> None:
    story = Story(*"abc").becomes("a", ready=False).becomes("b", after=AT_ONCE, ready=False)
    assert (story.eligible, story.doubted) == ("c", "")


def test_a_doubt_lasts_until_it_passes_and_not_until_time_does() -> None:
    story = Story(*"abc").becomes("a", "b", ready=False).becomes(after=1_000)
    assert story.doubted == "ab"
    story.becomes("a", ready=True)
    assert (story.eligible, story.doubted) == ("abc", "b")
    story.becomes("a", after=AT_ONCE, ready=False)
    assert story.doubted == "ab", "with b, two of three fail it again"
    story.becomes("a", "b", ready=True).becomes("a", ready=False)
    assert (story.eligible, story.doubted) == ("bc", "")


def test_half_is_not_most() -> None:
    story = Story(*"abcd").becomes("a", "b", ready=False)
    assert (story.eligible, story.doubted) == ("cd", "")


def test_each_rule_counts_for_itself() -> None:
    story = Story(*"abc").becomes("a", ready=False).becomes("b", network_available=False)
    assert (story.eligible, story.doubted) == ("c", "")


def test_silent_speakers_are_doubted_too() -> None:
    story = Story(*"abc").becomes("a", "b", liveness=Liveness.STALE)
    assert (story.eligible, story.doubted) == ("abc", "ab")
    assert story.judged.mute == {"a", "b"}
    assert story.judged.sure
    story.becomes("c", liveness=Liveness.STALE)
    assert not story.judged.sure, "nobody can surely announce"


def test_what_partners_report_and_what_a_person_wrote_is_obeyed_of_any_number() -> None:
    assert Story(*"abc").becomes("a", "b", reported_down=True).eligible == "c"
    assert Story(*"abc").becomes("a", "b", excluded=True).eligible == "c"
    assert Story(*"abc").becomes("a", "b", draining=True).eligible == "c"
    assert Story(*"abc").becomes("a", "b", liveness=Liveness.RELEASED).eligible == "c"


def test_a_new_leader_doubts_what_most_fail_and_obeys_what_few_do() -> None:
    most = nodes("c", replace(node("a"), ready=False), replace(node("b"), ready=False))
    judged = Cluster(most, standing=look(None, most, 0.0)).judge(ip(".10"), EVERYWHERE)
    assert judged.eligible == ("a", "b", "c")
    assert judged.doubted == {"a", "b"}
    few = nodes("b", "c", replace(node("a"), ready=False))
    judged = Cluster(few, standing=look(None, few, 0.0)).judge(ip(".10"), EVERYWHERE)
    assert judged.eligible == ("b", "c")


def test_nodes_that_join_while_not_ready_have_not_failed() -> None:
    story = Story("a")
    for name in "bc":
        story.nodes[name] = replace(node(name), ready=False)
    story.becomes()
    assert (story.eligible, story.doubted) == ("a", "")


def test_nodes_without_a_speaker_do_not_count() -> None:
    story = Story(*"abc")
    story.nodes |= {name: NodeView(name) for name in ("x", "y", "z")}
    assert story.becomes("a", "b", ready=False).doubted == "ab"


def test_how_long_a_node_has_been_well() -> None:
    def well_for(story: Story, name: str = "a") -> float:
        assert story.standing is not None
        return story.standing.well_for(name, story.now)

    story = Story(*"abc").becomes(after=5)
    assert well_for(story) == 5, "since the first look"
    assert well_for(story.becomes("a", draining=True)) == 0
    assert well_for(story.becomes("a", draining=False).becomes(after=7)) == 7
    unplugged, plugged = node("a", carrier=False).speaker, node("a").speaker
    assert (
        well_for(story.becomes("a", speaker=unplugged).becomes("a", after=2, speaker=plugged)) == 0
    )
    assert well_for(story.becomes(after=3)) == 3, "a carrier that came back begins anew"
    assert well_for(story, "unknown") == 0
