"""The addresses of one Service prefer one node, and those who come after it."""

from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import plan
from tests.unit.core.builders import ip, node, nodes

ADDRESS = ip(".10")
OTHERS = tuple(ip(f".{number}") for number in range(20, 30))


def test_the_second_address_goes_where_the_first_one_is() -> None:
    for order in (("a", "b", "c"), ("c", "a", "b"), ("b", "c", "a")):
        loads = Loads()
        loads.put(OTHERS[0], order)
        made = plan(
            ADDRESS, current=(), holder=None, nodes=nodes("a", "b", "c"), loads=loads,
            beside=(order,),
        )  # fmt: skip
        assert made.succession == order, "also when the first node dies they stay together"


def test_no_node_is_loaded_above_the_bound_for_it() -> None:
    loads = Loads()
    for address in OTHERS:
        loads.put(address, ("a", "b", "c"))
    made = plan(
        ADDRESS, current=(), holder=None, nodes=nodes("a", "b", "c"), loads=loads,
        beside=(("a", "b", "c"),),
    )  # fmt: skip
    assert made.succession[0] != "a"


def test_a_node_that_cannot_announce_it_is_passed_over() -> None:
    elsewhere = node("a", "192.168.0.1/24")
    made = plan(
        ADDRESS, current=(), holder=None, nodes=nodes(elsewhere, "b"), loads=Loads(),
        beside=(("a", "b"),),
    )  # fmt: skip
    assert made.succession == ("b",)


def test_what_is_placed_stays_where_it_is() -> None:
    made = plan(
        ADDRESS, current=("b", "a"), holder="b", nodes=nodes("a", "b"), loads=Loads(),
        beside=(("a", "b"),),
    )  # fmt: skip
    assert (made.succession, made.outgoing) == (("b", "a"), None)
