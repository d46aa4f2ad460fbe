"""Rebalancing on request: few at a time, and only what makes nodes carry alike."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from lbctl.core.objects.advertisements import EVERYWHERE, Announcing, combine
from lbctl.core.objects.speakers import NodeView
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import RebalancedReason
from lbctl.core.succession.eligibility import Cluster, Judgement
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import plan
from lbctl.core.succession.rebalancing import AT_A_TIME, Move, Step, next_moves, next_step
from tests.unit.core.builders import ip, node, nodes
from tests.unit.core.test_advertisements import GOLD, advertisement


class Site:
    """Addresses that are held, and moves that are carried out."""

    def __init__(self, known: dict[str, NodeView], announcing: Announcing = EVERYWHERE) -> None:
        self.cluster = Cluster(known)
        self.announcing = announcing
        self.loads = Loads()
        self.views: list[VirtualIPView] = []

    def holding(self, holders: str) -> "Site":
        """Each letter is the holder of one more address."""
        for number, holder in enumerate(holders):
            self.know(VirtualIPView(ip(f".{number}"), succession=(holder,), holder=holder))
        return self

    def know(self, view: VirtualIPView) -> None:
        self.views = [one for one in self.views if one.address != view.address] + [view]
        held = None if view.outgoing is not None else view.holder
        self.loads.put(view.address, view.succession, held)

    def judge(self, view: VirtualIPView) -> Judgement:
        return self.cluster.judge(view.address, self.announcing)

    def moves(self) -> tuple[Move, ...]:
        return next_moves(self.views, self.judge, self.loads)

    def step(self, *wanted: Move) -> Step:
        asked = [move.address for move in wanted]
        return next_step(self.views, self.judge, self.loads, nodes=self.cluster, wanted=asked)

    def begin(self, move: Move) -> None:
        """The operator plans the move and writes it."""
        (view,) = (one for one in self.views if one.address == move.address)
        made = plan(
            view.address, current=view.succession, holder=view.holder, nodes=self.cluster,
            loads=self.loads, advertisement=self.announcing, wanted=move.to,
        )  # fmt: skip
        assert (made.succession[0], made.outgoing) == (move.to, view.holder)
        self.know(replace(view, succession=made.succession, outgoing=made.outgoing))

    def finish(self) -> None:
        """Every move that is under way is over."""
        for view in [*self.views]:
            if view.outgoing is not None:
                self.know(replace(view, holder=view.succession[0], outgoing=None))

    def held(self) -> Counter[str | None]:
        return Counter(view.holder for view in self.views)


def test_from_the_fullest_to_the_emptiest() -> None:
    site = Site(nodes(*"abc")).holding("aaab")
    assert {move.to for move in site.moves()} == {"c"}
    assert len(site.moves()) == 1, "two, one and one: no move makes that more even"


def test_few_at_a_time_and_none_while_as_many_are_under_way() -> None:
    site = Site(nodes(*"ab")).holding("a" * 20)
    moves = site.moves()
    assert len(moves) == AT_A_TIME
    for move in moves[:2]:
        site.begin(move)
    assert len(site.moves()) == AT_A_TIME - 2
    for move in site.moves():
        site.begin(move)
    assert site.moves() == ()


def test_nobody_gets_what_it_is_preferred_less_for() -> None:
    preferred = combine([advertisement(preferredNodes=[{"weight": 1, "nodeSelector": GOLD}])])
    known = nodes("a") | {"g": replace(node("g"), labels={"tier": "gold"})}
    assert Site(known, preferred).holding("gggg").moves() == ()


def test_who_may_not_hold_it_is_moved_by_its_plan_and_not_here() -> None:
    known = nodes("b", replace(node("a"), draining=True))
    assert Site(known).holding("aaaa").moves() == ()


@settings(deadline=None)  # A busy machine may take its time.
@given(st.text("abcd", max_size=40))
def test_it_ends_with_every_node_alike(holders: str) -> None:
    site = Site(nodes(*"abcd")).holding(holders)
    for _ in range(len(holders)):
        moves = site.moves()
        if not moves:
            break
        for move in moves:
            site.begin(move)
        site.finish()
    assert site.moves() == ()
    counts = [site.held()[name] for name in "abcd"]
    assert max(counts) - min(counts) <= 1


def test_a_step_waits_until_the_moves_before_it_were_made() -> None:
    site = Site(nodes(*"ab")).holding("a" * 20)
    first = site.step()
    assert len(first.moves) == AT_A_TIME
    assert site.step(first.moves[0]).moves == (), "asked for, and not planned yet"
    site.begin(first.moves[0])
    waiting = site.step()
    assert (waiting.reason, waiting.moves) == (RebalancedReason.MOVING, ())
    assert f"Under way: {first.moves[0].address} to b." in waiting.message
    site.finish()
    assert len(site.step().moves) == AT_A_TIME


def test_it_says_when_it_is_done_and_what_nodes_carry() -> None:
    done = Site(nodes(*"abc")).holding("aabbc").step()
    assert done.done
    assert "from 1 (c) to 2 (b)" in done.message


def test_what_nobody_can_announce_stays_where_it_is() -> None:
    site = Site(nodes(*"ab")).holding("aaaa")
    assert next_moves(site.views, lambda _: None, site.loads) == ()
