"""Who may hold an address and in which order, as stories."""

from collections import Counter

import pytest

from lbctl.core.objects.speakers import InterfaceView, NodeView, SpeakerView, exclusion
from lbctl.core.outcomes import LeftOut, Liveness
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import LENGTH, SuccessionPlan, plan
from tests.unit.core.builders import ip, node, nodes

ADDRESS = ip(".10")


def planned(
    known: dict[str, NodeView],
    *,
    current: tuple[str, ...] = (),
    holder: str | None = None,
    loads: Loads | None = None,
) -> SuccessionPlan:
    return plan(ADDRESS, current=current, holder=holder, nodes=known, loads=loads or Loads())


@pytest.mark.parametrize(
    ("rule", "candidate", "reason", "says"),
    [
        ("a node with a speaker in the subnet can announce", node("n"), None, ""),
        (
            "no speaker has registered",
            NodeView("n", None, Liveness.FRESH),
            LeftOut.NO_SPEAKER,
            "no speaker has registered",
        ),
        (
            "a stop in good order is told from a death",
            node("n", liveness=Liveness.RELEASED),
            LeftOut.SPEAKER_STOPPED,
            "was stopped",
        ),
        (
            "a Lease that is not renewed",
            node("n", liveness=Liveness.STALE),
            LeftOut.SPEAKER_SILENT,
            "no longer renews its Lease",
        ),
        (
            "no Lease at all",
            node("n", liveness=Liveness.MISSING),
            LeftOut.SPEAKER_SILENT,
            "has no Lease",
        ),
        (
            "a speaker that cannot send says why",
            node("n", ready=False, message="the wire is down"),
            LeftOut.SPEAKER_NOT_READY,
            "the wire is down",
        ),
        (
            "another LAN: the message shows what the node has",
            node("n", "192.168.1.5/24"),
            LeftOut.NO_INTERFACE_IN_SUBNET,
            "eth0 192.168.1.5/24",
        ),
        (
            "a narrower subnet on the same LAN does not reach it",
            node("n", "10.0.0.130/25"),
            LeftOut.NO_INTERFACE_IN_SUBNET,
            "10.0.0.130/25",
        ),
        (
            "an unplugged cable",
            node("n", carrier=False),
            LeftOut.NO_CARRIER,
            "eth0 is in the subnet but has no carrier",
        ),
        (
            "a second address of the interface is as good as the first",
            node("n", "192.168.1.5/24", "10.0.0.5/24"),
            None,
            "",
        ),
    ],
)
def test_each_node_that_is_left_out_has_a_reason(
    rule: str,
    candidate: NodeView,
    reason: LeftOut | None,
    says: str,
) -> None:
    found = exclusion(candidate, ADDRESS)
    assert (found and found.reason) == reason, rule
    assert says in (found.detail if found else "")


def test_one_interface_with_carrier_in_the_subnet_is_enough() -> None:
    alive = node("n").speaker
    dead = node("n", carrier=False).speaker
    assert alive is not None
    assert dead is not None
    both = SpeakerView("n", (*dead.interfaces, *alive.interfaces, InterfaceView("eth9", "")))
    assert exclusion(NodeView("n", both, Liveness.FRESH), ADDRESS) is None


@pytest.mark.parametrize(
    ("rule", "known", "current", "holder", "succession"),
    [
        ("survivors keep their order", ["a", "b", "c"], ("c", "a", "b"), "a", ("c", "a", "b")),
        ("a dead one goes, the rest moves up", ["a", "c"], ("b", "c", "a"), "b", ("c", "a")),
        ("a newcomer comes last", ["a", "b", "c"], ("c", "b"), "c", ("c", "b", "a")),
        ("a holder that was not listed is", ["a", "b"], ("a",), "b", ("a", "b")),
        ("an unknown holder is not", ["a"], ("a",), "gone", ("a",)),
        ("a long list is not cut", list("abcdef"), tuple("fedcba"), "a", tuple("fedcba")),
    ],
)
def test_nothing_moves_that_works(
    rule: str,
    known: list[str],
    current: tuple[str, ...],
    holder: str | None,
    succession: tuple[str, ...],
) -> None:
    assert planned(nodes(*known), current=current, holder=holder).succession == succession, rule


def test_a_succession_is_no_longer_than_it_must_be() -> None:
    assert len(planned(nodes(*"abcdefgh")).succession) == LENGTH


def test_a_holder_is_never_left_for_the_length() -> None:
    known = nodes(*"abcdef")
    full = planned(known, current=tuple("abcd"), holder="f").succession
    assert full == tuple("abcdf")


def test_without_an_eligible_node_the_plan_stays_and_each_node_is_named() -> None:
    known = nodes(node("a", liveness=Liveness.STALE), node("b", carrier=False))
    result = planned(known, current=("b", "gone"), holder="b")
    assert result.succession == ("b", "gone")
    assert not result.planned
    assert [(one.node, one.reason) for one in result.left_out] == [
        ("a", LeftOut.SPEAKER_SILENT),
        ("b", LeftOut.NO_CARRIER),
    ]
    assert result.message == (
        "No node can announce 10.0.0.10. Left out: a: its speaker no longer renews its Lease "
        "[SpeakerSilent]; b: eth0 is in the subnet but has no carrier [NoCarrier]."
    )


def test_a_cluster_without_nodes_says_so() -> None:
    assert planned({}).message == "No node can announce 10.0.0.10. There are no nodes."


def test_a_message_names_a_few_nodes_and_counts_the_rest() -> None:
    known = nodes("z", *(node(f"n{n:02}", carrier=False) for n in range(20)))
    message = planned(known).message
    assert message.startswith("In this order: z. Left out: n00: eth0")
    assert message.endswith("; 8 more nodes.")


def test_the_least_loaded_is_first() -> None:
    loads = Loads()
    loads.put(ip(".1"), ("a", "b"))
    loads.put(ip(".2"), ("c", "b"))
    assert planned(nodes(*"abc"), loads=loads).succession[0] == "b"


def test_an_address_does_not_count_against_itself() -> None:
    loads = Loads()
    loads.put(ADDRESS, ("a", "b"))
    assert loads.firsts("a", besides=ADDRESS) == 0
    assert loads.heirs("a", "b", besides=ADDRESS) == 0
    assert loads.firsts("a", besides=ip(".11")) == 1
    assert loads.heirs("a", "b", besides=ip(".11")) == 1


def test_loads_forget() -> None:
    loads = Loads()
    loads.put(ADDRESS, ("a", "b"))
    loads.put(ADDRESS, ("b", "a"))
    loads.drop(ADDRESS)
    loads.drop(ADDRESS)
    assert loads.firsts("b", besides=ip(".11")) == 0


def test_a_dead_nodes_addresses_scatter_evenly() -> None:
    known, loads = nodes(*"abcdef"), Loads()
    successions = []
    for number in range(60):
        address = ip(f".{number}")
        made = plan(address, current=(), holder=None, nodes=known, loads=loads).succession
        loads.put(address, made)
        successions.append(made)
    firsts = Counter(one[0] for one in successions)
    assert set(firsts.values()) == {10}
    heirs = Counter(one[:2] for one in successions)
    assert set(heirs.values()) <= {1, 2, 3}, "ten addresses of each dead node, over five heirs"


def test_with_local_traffic_only_nodes_with_an_endpoint_are_named() -> None:
    made = plan(
        ADDRESS,
        current=("a", "b"),
        holder="a",
        nodes=nodes(*"abc"),
        loads=Loads(),
        endpoints=frozenset("bc"),
    )
    assert made.succession == ("b", "c")
    assert [(one.node, one.reason) for one in made.left_out] == [("a", LeftOut.NO_ENDPOINT)]
