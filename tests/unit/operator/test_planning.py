"""How many addresses move at once though their holders are well."""

from typing import Any

import pytest

from lbctl.core.reading.objects import virtual_ip_view
from lbctl.core.succession.rebalancing import AT_A_TIME
from lbctl.kube.lease import Record
from lbctl.world.planning import Planning
from lbctl.world.world import World
from tests.unit.operator import objects

ADDRESSES = [f"172.16.110.{host}" for host in range(100, 100 + 2 * AT_A_TIME)]


class Clock:
    """Monotonic seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def world() -> World:
    """n1 holds all addresses; n2 is preferred, and has been well for as long as it takes."""
    clock = Clock()
    made = World(lease_duration=1e9, clock=clock)
    gold = {"matchLabels": {"tier": "gold"}}
    made.advertisements.put(
        objects.advertisement(
            "large",
            preferredNodes=[{"weight": 1, "nodeSelector": gold}],
            failback="AfterHoldOff",
            holdOffSeconds=60,
        )
    )
    for name, labels in (("n1", {}), ("n2", {"tier": "gold"})):
        made.nodes.put(objects.node(name, f"172.16.110.1{name[1]}", labels=labels))
        made.speakers.put(objects.speaker(name, f"172.16.110.1{name[1]}/24"))
        made.lease_changed(f"lbctl-speaker-{name}", Record(name, "t1"))
    for address in ADDRESSES:
        made.virtual_ips.put(held(address))
    made.node_views()
    clock.now = 61.0
    return made


def held(address: str, *succession: str, **spec: Any) -> dict[str, Any]:
    vip = objects.virtual_ip(address, "web", *(succession or ("n1", "n2")))
    vip["spec"] |= spec
    return vip | {"status": {"holder": "n1"}}


def moved(world: World, planning: Planning, *addresses: str) -> list[str]:
    """The addresses that a plan moves."""
    found = []
    for view in [virtual_ip_view(one) for one in world.virtual_ips.values()]:
        if str(view.address) in (addresses or ADDRESSES):
            plan = planning.plan(view)
            assert plan is not None
            if plan.outgoing is not None:
                found.append(str(view.address))
    return found


def test_few_fail_back_at_a_time_written_or_not(world: World) -> None:
    planning = Planning(world)
    assert moved(world, planning) == ADDRESSES[:AT_A_TIME], "none of them is written yet"
    for address in ADDRESSES[:AT_A_TIME]:
        world.virtual_ips.put(held(address, "n2", "n1", outgoing="n1"))
        with planning.writing(virtual_ip_view(held(address)).address):
            pass
    assert moved(world, planning, *ADDRESSES[AT_A_TIME:]) == []
    world.virtual_ips.put(held(ADDRESSES[0], "n2", "n1") | {"status": {"holder": "n2"}})
    assert moved(world, planning, *ADDRESSES[AT_A_TIME:]) == [ADDRESSES[AT_A_TIME]]


def test_a_plan_that_could_not_be_written_makes_room_again(world: World) -> None:
    planning = Planning(world)
    first = moved(world, planning)
    for address in first:
        with (
            pytest.raises(ValueError, match="refused"),
            planning.writing(virtual_ip_view(held(address)).address),
        ):
            raise ValueError("refused")
    assert moved(world, planning, *ADDRESSES[AT_A_TIME:]) == ADDRESSES[AT_A_TIME:]


def test_a_drain_waits_for_nobody(world: World) -> None:
    planning = Planning(world)
    world.nodes.put(objects.node("n1", "172.16.110.11", labels={"lbctl.io/drain": ""}))
    assert moved(world, planning) == ADDRESSES
