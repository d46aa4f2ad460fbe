"""An address that a node answers for already is taken there, and nowhere in circles."""

from dataclasses import replace
from ipaddress import ip_address

from lbctl.core.objects.speakers import InterfaceView, NodeView, SpeakerView
from lbctl.core.objects.virtualips import Conflict, VirtualIPView
from lbctl.core.outcomes import ConflictReason, Liveness
from lbctl.core.succession.answering import Answering

NODES = {
    name: NodeView(
        name,
        SpeakerView(name, (InterfaceView("eth0", mac=f"02:00:00:00:00:0{n}"),)),
        Liveness.FRESH,
    )
    for n, name in enumerate(("n1", "n2", "n3"), 1)
}
PLANNED = VirtualIPView(ip_address("172.16.110.100"), succession=("n1", "n2", "n3"))
BY_N2 = replace(PLANNED, answered_by="02:00:00:00:00:02")
BY_N3 = replace(PLANNED, answered_by="02:00:00:00:00:03")


def test_the_node_that_answers_goes_first() -> None:
    assert Answering().order(BY_N2, NODES) == ("n2", "n1", "n3")


def test_also_one_that_the_plan_does_not_name() -> None:
    short = replace(BY_N3, succession=("n1",))
    assert Answering().order(short, NODES) == ("n3", "n1")


def test_also_one_whose_mac_the_node_that_asked_does_not_know() -> None:
    conflict = Conflict("02:00:00:00:00:02", ConflictReason.ANSWERED_BY_FOREIGN_HOST, "")
    assert Answering().order(replace(PLANNED, conflict=conflict), NODES) == ("n2", "n1", "n3")


def test_a_host_that_is_none_of_the_cluster_s_moves_nothing() -> None:
    foreign = replace(PLANNED, answered_by="02:00:00:00:00:99")
    assert Answering().order(foreign, NODES) == PLANNED.succession


def test_whoever_holds_keeps() -> None:
    assert Answering().order(replace(BY_N2, holder="n1"), NODES) == PLANNED.succession
    assert Answering().order(replace(BY_N2, outgoing="n1"), NODES) == PLANNED.succession


def test_a_plan_that_was_not_written_is_asked_for_again() -> None:
    answering = Answering()
    assert answering.order(BY_N2, NODES) == answering.order(BY_N2, NODES) == ("n2", "n1", "n3")


def test_where_every_node_answers_each_is_tried_once() -> None:
    answering = Answering()
    answering.order(BY_N2, NODES)
    at_n2 = replace(BY_N3, succession=("n2", "n1", "n3"))
    assert answering.order(at_n2, NODES) == ("n3", "n2", "n1")
    at_n3 = replace(BY_N2, succession=("n3", "n2", "n1"))
    assert answering.order(at_n3, NODES) == at_n3.succession, "n2 was first already"


def test_after_it_was_held_it_may_be_so_again() -> None:
    answering = Answering()
    answering.order(BY_N2, NODES)
    answering.order(BY_N3, NODES)
    answering.order(replace(PLANNED, holder="n3"), NODES)
    assert answering.order(BY_N2, NODES) == ("n2", "n1", "n3")
