"""What follows from what is known: liveness, the ledger, the nodes."""

from ipaddress import IPv4Address

import pytest

from lbctl.core.addresses import Family
from lbctl.core.allocation.waiting import Waiting
from lbctl.core.objects.advertisements import AdvertisementView
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.services import ServiceKey, ServiceRef
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import Liveness
from lbctl.kube.client import Listing
from lbctl.kube.lease import Record
from lbctl.kube.objects import Key
from lbctl.kube.queue import WorkQueue
from lbctl.operator.items import Item
from lbctl.operator.triggers import Triggers
from lbctl.world.world import World
from tests.unit.operator import objects

LEASE = "lbctl-speaker-n1"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(lease_duration=15.0, clock=clock)


def liveness(world: World) -> Liveness:
    return world.node_views()["n1"].liveness


def test_a_speaker_lives_while_its_lease_changes(world: World, clock: Clock) -> None:
    world.nodes.put(objects.node("n1", "172.16.110.11"))
    assert liveness(world) is Liveness.MISSING
    assert world.lease_changed(LEASE, Record("n1", "t1"))
    assert liveness(world) is Liveness.FRESH
    clock.now = 14.0
    assert not world.expire(), "nothing changed yet"
    assert not world.lease_changed(LEASE, Record("n1", "t2"))
    clock.now = 28.0
    assert not world.expire()
    assert world.next_expiry() == 1.0
    clock.now = 29.0
    assert world.expire(), "told once"
    assert not world.expire()
    assert liveness(world) is Liveness.STALE


def test_a_speaker_that_stops_in_order_is_known_at_once(world: World) -> None:
    world.nodes.put(objects.node("n1", "172.16.110.11"))
    world.lease_changed(LEASE, Record("n1", "t1"))
    assert world.lease_changed(LEASE, Record("", "t2"))
    assert liveness(world) is Liveness.RELEASED
    assert world.lease_changed(LEASE, None)
    assert liveness(world) is Liveness.MISSING


def test_the_first_to_renew_after_an_outage_is_not_the_only_survivor(
    world: World, clock: Clock
) -> None:
    for node in ("n1", "n2"):
        world.nodes.put(objects.node(node, "172.16.110.11"))
        world.lease_changed(f"lbctl-speaker-{node}", Record(node, "t1"))
    assert not world.leases_followed(following=False)
    clock.now = 100.0
    assert not world.expire(), "the API server is away, not the speakers"
    assert not world.leases_followed(following=True)
    assert not world.lease_changed(LEASE, Record("n1", "t2"))
    views = world.node_views().values()
    assert [view.liveness for view in views] == [Liveness.FRESH, Liveness.FRESH]


def test_views_and_judgements_never_differ(world: World, clock: Clock) -> None:
    """Whoever asks in the moment between an expiry and the look at the clock changes nothing."""
    world.nodes.put(objects.node("n1", "172.16.110.11"))
    world.lease_changed(LEASE, Record("n1", "t1"))
    clock.now = 20.0
    world.speakers.put(objects.speaker("n1", "172.16.110.11/24"))
    assert liveness(world) is Liveness.FRESH, "not judged again yet"
    world.lease_changed(LEASE, Record("n1", "t2"))
    assert liveness(world) is Liveness.FRESH


def test_a_virtual_ip_of_a_newer_version_is_left_alone(world: World) -> None:
    """After a downgrade there may be others. They are nobody's, and no reason to fall over."""
    queue: WorkQueue[Item] = WorkQueue(_never)
    triggers = Triggers(world, queue, Waiting(lambda _: None))
    triggers.active = True
    newer = objects.virtual_ip("fd00-110--100", "web", "n1")
    world.virtual_ips.put(newer)
    world.virtual_ips.sweep(Listing([newer], "1000000"))
    triggers.everything()
    assert [*queue.schedule.waiting()] == []
    assert world.virtual_ips.synced


async def _never(_: Item) -> None:
    raise AssertionError("nothing works this queue")


def test_a_node_keeps_its_addresses_by_its_node_and_by_its_speaker(world: World) -> None:
    world.pools.put(objects.pool("lab", "172.16.110.11-172.16.110.14"))
    world.nodes.put(objects.node("n1", "172.16.110.11"))
    world.speakers.put(objects.speaker("n1", "172.16.110.12/24"))
    assert world.ledger.lowest_free("lab", Family.IPV4) == IPv4Address("172.16.110.13")
    world.speakers.sweep(Listing([], "1000000"))
    assert world.ledger.lowest_free("lab", Family.IPV4) == IPv4Address("172.16.110.12")
    world.nodes.sweep(Listing([], "1000000"))
    assert world.ledger.lowest_free("lab", Family.IPV4) == IPv4Address("172.16.110.11")
    assert world.node_views() == {}


def test_what_is_about_to_be_created_is_not_given_to_another(world: World) -> None:
    world.pools.put(objects.pool("lab", "172.16.110.100-172.16.110.109"))
    first = IPv4Address("172.16.110.100")
    world.expect(VirtualIPView(first, services=(ServiceRef(ServiceKey("shop", "web"), "uid-web"),)))
    assert world.ledger.lowest_free("lab", Family.IPV4) == IPv4Address("172.16.110.101")
    world.settle(first)
    assert world.ledger.lowest_free("lab", Family.IPV4) == first, "the creation failed"


def test_what_is_expected_is_not_what_the_mirror_says(world: World) -> None:
    web = objects.virtual_ip("172.16.110.100", "web")
    world.virtual_ips.put(web)
    world.expect(VirtualIPView(IPv4Address("172.16.110.100"), pool="other"))
    (said,) = world.virtual_ip_views.values()
    assert [ref.name for ref in said.services] == ["web"]
    world.virtual_ips.remove(web)
    assert world.virtual_ip_views == {}


def test_a_live_look_counts_until_it_is_settled(world: World) -> None:
    key = ServiceKey("shop", "web")
    cluster_ip = objects.service("web", "172.16.110.100")
    cluster_ip["spec"]["type"] = "ClusterIP"
    world.keep_service(cluster_ip)
    seen = world.ledger.service(key)
    assert seen is not None
    assert not seen.is_load_balancer
    world.settle_service(key)
    assert world.ledger.service(key) is None


def test_it_is_synced_when_every_mirror_is(world: World) -> None:
    for store in world.stores.values():
        assert not world.synced
        store.sweep(Listing([], "1"))
    assert world.synced


def test_a_nodes_heartbeat_costs_no_new_view_of_all_nodes() -> None:
    world = World(lease_duration=15.0)
    world.nodes.put(objects.node("n1", "172.16.110.11", conditions={"Ready": "True"}))
    before = world.node_views()
    world.nodes.put(objects.node("n1", "172.16.110.11", conditions={"Ready": "True"}))
    assert world.node_views() is before
    world.nodes.put(objects.node("n1", "172.16.110.11", conditions={"Ready": "Unknown"}))
    assert not world.node_views()["n1"].ready


def test_a_pool_of_metallb_s_counts_while_none_of_ours_has_its_name(world: World) -> None:
    theirs = PoolView("lan", created="", entries=("172.16.110.100",))

    def entries() -> list[tuple[str, ...]]:
        return [finding.pool.entries for finding in world.ledger.findings()]

    world.metallb_pool_changed("lan", theirs)
    assert entries() == [("172.16.110.100",)]
    ours = objects.pool("lan", "172.16.110.200")
    world.pools.put(ours)
    world.metallb_pool_changed("lan", theirs)
    assert entries() == [("172.16.110.200",)]
    world.pools.remove(ours)
    assert entries() == [("172.16.110.100",)]
    world.metallb_pool_changed("lan", None)
    assert entries() == []


def test_l2advertisements_of_metallb_s_have_a_namespace(world: World) -> None:
    key = Key("metallb-system", "lan")
    world.metallb_advertisement_changed(key, AdvertisementView(str(key)))
    assert [*world.advertisement_keys()] == [key]
    world.metallb_advertisement_changed(key, None)
    assert [*world.advertisement_keys()] == []


@pytest.mark.parametrize(
    ("rule", "owner", "carried"),
    [
        ("an address of a Service is carried by the first of its succession", "web", 1),
        ("one that rests or is in quarantine is carried by nobody", None, 0),
    ],
)
def test_who_carries_an_address(world: World, rule: str, owner: str | None, carried: int) -> None:
    world.virtual_ips.put(objects.virtual_ip("172.16.110.100", owner, "n1", "n2"))
    assert world.loads.firsts("n1") == carried, rule
