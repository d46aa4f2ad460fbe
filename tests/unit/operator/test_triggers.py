"""Which change makes which thing worth another look."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import pytest

from lbctl.core.addresses import Family
from lbctl.core.allocation.waiting import (
    FreeAddress,
    LessUsed,
    NamespaceLabels,
    NewPool,
    PoolChange,
    Sharers,
    ThisAddress,
    Waiting,
    Want,
)
from lbctl.core.objects.services import ServiceKey
from lbctl.kube.lease import Record
from lbctl.kube.objects import Key
from lbctl.kube.queue import WorkQueue
from lbctl.kube.store import Store
from lbctl.operator.items import Item, What
from lbctl.operator.triggers import PLAN_PAUSE_SECONDS, Triggers
from lbctl.world.world import World
from tests.unit.operator import objects

WAITING = ServiceKey("shop", "waiting")
FREE = FreeAddress("lab", Family.IPV4)


async def _never(_: Item) -> None:
    raise AssertionError("nothing works this queue")


@dataclass
class Site:
    """A world, its triggers, and what the queue holds."""

    world: World
    triggers: Triggers
    queue: WorkQueue[Item]
    waiting: Waiting

    @staticmethod
    def make() -> "Site":
        world = World(lease_duration=15.0)
        queue: WorkQueue[Item] = WorkQueue(_never)
        waiting = Waiting(lambda key: queue.add(Item(What.SERVICE, Key(*key))))
        triggers = Triggers(world, queue, waiting)
        triggers.active = True
        return Site(world, triggers, queue, waiting)

    def drained(self) -> set[str]:
        """What waits in the queue, which is empty afterwards."""
        schedule = self.queue.schedule
        found: set[str] = set()
        while (item := schedule.take(1e12)) is not None:
            found.add(str(item))
            schedule.done(item, 1e12)
        return found


@pytest.fixture
def site() -> Site:
    """A pool, a Service with its address on n1, and another Service that waits."""
    made = Site.make()
    made.world.pools.put(objects.pool("lab", "172.16.110.100-172.16.110.109"))
    made.world.services.put(objects.service("web", "172.16.110.100"))
    made.world.virtual_ips.put(objects.virtual_ip("172.16.110.100", "web", "n1"))
    made.world.nodes.put(objects.node("n1", "172.16.110.11"))
    made.world.speakers.put(objects.speaker("n1", "172.16.110.11/24"))
    made.waiting.put(WAITING, {FREE, PoolChange("lab"), NewPool()})
    made.drained()
    return made


SPEAKER, DEATHS = "speaker n1", f"deaths {Key('', '')}"
REBALANCING = "rebalancing lab"
WEB, VIP, POOL, PATIENT = (
    "service shop/web",
    "virtualip 172.16.110.100",
    "pool lab",
    "service shop/waiting",
)


def remove(store: Store) -> None:
    obj = next(iter(store.values()))
    gone = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1000000"}}
    store.remove(gone)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            lambda world: world.services.put(objects.service("web", "172.16.110.100")),
            {WEB},
            id="a Service changes: look at it",
        ),
        pytest.param(
            lambda world: remove(world.services),
            {WEB, POOL},
            id="a Service goes: its address is for who waits once it is released, not before",
        ),
        pytest.param(
            lambda world: world.virtual_ips.put(objects.virtual_ip("172.16.110.100", "web", "n2")),
            {VIP},
            id="a VirtualIP changes: look at it",
        ),
        pytest.param(
            lambda world: world.virtual_ips.put(objects.virtual_ip("172.16.110.100", "api", "n1")),
            {VIP, WEB, "service shop/api"},
            id="a VirtualIP changes hands: look at both Services",
        ),
        pytest.param(
            lambda world: world.virtual_ips.put(
                objects.virtual_ip("172.16.110.100", "web", "n1")
                | {"status": {"handOff": "NodePort"}}
            ),
            {VIP, WEB},
            id="its holder sends to NodePorts now: the Service may say so",
        ),
        pytest.param(
            lambda world: world.services.put(
                objects.service("web", "172.16.110.100", ports=[{"port": 80, "nodePort": 30080}])
            ),
            {WEB, VIP},
            id="a Service has another nodePort: its plan names it",
        ),
        pytest.param(
            lambda world: remove(world.virtual_ips),
            {VIP, WEB, POOL},
            id="a VirtualIP goes while its Service shows it: nobody else gets it",
        ),
        pytest.param(
            lambda world: world.virtual_ips.put(objects.virtual_ip("172.16.110.105", None)),
            {"virtualip 172.16.110.105", POOL},
            id="a VirtualIP comes: the pool's counts change",
        ),
        pytest.param(
            lambda world: world.advertisements.put(objects.advertisement("edges")),
            {VIP, POOL, "l2advertisement edges"},
            id="an L2Advertisement comes: every plan may change, and no pool may be meant",
        ),
        pytest.param(
            lambda world: world.pools.put(objects.pool("new", "172.16.111.0/28")),
            {POOL, "pool new", PATIENT, SPEAKER},
            id="a pool comes: all are judged anew, who waits is tried, and sessions may move to it",
        ),
        pytest.param(
            lambda world: remove(world.pools),
            {VIP, WEB, POOL, PATIENT, SPEAKER},
            id="a pool goes: it is counted no more, another may give, and what it gave says so",
        ),
        pytest.param(
            lambda world: world.nodes.put(objects.node("n1", "172.16.110.11")),
            set(),
            id="a node's heartbeat is nothing",
        ),
        pytest.param(
            lambda world: world.nodes.put(
                objects.node(
                    "n1", "172.16.110.11", conditions={"Ready": "True"}, labels={"team": "web"}
                )
            ),
            set(),
            id="nor is a label that nobody asks for, or a condition that is well",
        ),
        pytest.param(
            lambda world: world.nodes.put(
                objects.node("n1", "172.16.110.11", labels={"lbctl.io/drain": ""})
            ),
            {VIP},
            id="a node is to be drained: every plan may change",
        ),
        pytest.param(
            lambda world: world.nodes.put(
                objects.node("n1", "172.16.110.11", conditions={"Ready": "Unknown"})
            ),
            {VIP},
            id="a node is not ready any more",
        ),
        pytest.param(
            lambda world: world.services.put(
                objects.service("web", "172.16.110.100", externalTrafficPolicy="Local")
            ),
            {WEB, VIP},
            id="a Service wants its traffic where its pods are: plan its address anew",
        ),
        pytest.param(
            lambda world: world.speakers.put(objects.speaker("n1", "172.16.110.11/24")),
            set(),
            id="a speaker that says the same is nothing",
        ),
        pytest.param(
            lambda world: world.speakers.put(
                objects.speaker("n1", "172.16.110.11/24", carrier=False)
            ),
            {VIP, POOL, SPEAKER},
            id="a cable is pulled: every plan may change, and who is whose partner",
        ),
        pytest.param(
            lambda world: world.speakers.put(objects.speaker("n2", "172.16.110.12/24")),
            {VIP, POOL, SPEAKER, "speaker n2"},
            id="a node joins: it gets partners, and becomes one",
        ),
        pytest.param(
            lambda world: world.speakers.put(
                objects.speaker("n1", "172.16.110.11/24", sees={"n2": "Up"})
            ),
            {DEATHS},
            id="a speaker sees a partner: look whether all of them together say more",
        ),
        pytest.param(
            lambda world: world.speakers.put(
                objects.speaker("n1", "172.16.110.11/24") | {"spec": {"partners": []}}
            ),
            {SPEAKER},
            id="somebody wrote a Speaker's partners: the operator looks",
        ),
        pytest.param(
            lambda world: world.speakers.put(objects.speaker("n1")),
            {VIP, POOL, SPEAKER},
            id="a speaker's node gives up an address, which is in no pool",
        ),
        pytest.param(
            lambda world: world.namespaces.put(objects.namespace("shop", team="gold")),
            {WEB, VIP},
            id="a namespace gets a label: pools may be for it now, or not any more",
        ),
        pytest.param(
            lambda world: world.namespaces.put(objects.namespace("other", team="gold")),
            set(),
            id="another namespace is nobody's here",
        ),
        pytest.param(
            lambda world: world.pools.put(objects.pool("lab", "172.16.110.100-172.16.110.119")),
            {VIP, WEB, POOL, PATIENT, SPEAKER},
            id="a pool is widened: who waits is tried, and what it gave is looked at",
        ),
        pytest.param(
            lambda world: world.nodes.put(objects.node("n1", "172.16.110.105")),
            {POOL, PATIENT},
            id="a node has an address of the pool: that is a change of the pool",
        ),
        pytest.param(
            lambda world: remove(world.speakers),
            {VIP, POOL},
            id="a speaker goes, and the addresses that only it knew",
        ),
    ],
)
async def test_a_change_is_looked_into(
    site: Site, change: Callable[[World], object], expected: set[str]
) -> None:
    change(site.world)
    assert site.drained() == expected


async def test_a_standby_enqueues_nothing_and_a_new_leader_everything(site: Site) -> None:
    site.triggers.active = False
    site.world.services.put(objects.service("new"))
    site.triggers.speakers_changed()
    site.triggers.ranges_changed()
    assert site.drained() == set()
    site.triggers.active = True
    site.triggers.everything()
    assert site.drained() == {WEB, VIP, POOL, REBALANCING, SPEAKER, "service shop/new"}


async def test_a_death_that_partners_report_makes_new_plans_once(site: Site) -> None:
    world, names = site.world, ("n1", "n2", "n3")
    for name in names:
        world.lease_changed(f"lbctl-speaker-{name}", Record(name, "t1"))

    def sees(name: str, **states: str) -> None:
        world.speakers.put(objects.speaker(name, f"172.16.110.1{name[1]}/24", sees=states))

    def looked() -> set[str]:
        assert site.drained() == {DEATHS}
        site.triggers.look_for_deaths()
        return site.drained()

    for name in names:
        sees(name, **{other: "Up" for other in names if other != name})
    site.drained()
    sees("n2", n1="Up", n3="Down")
    assert looked() == set(), "one word is not enough"
    sees("n1", n2="Up", n3="Down")
    assert looked() == {VIP}
    assert world.reported_down() == {"n3"}
    sees("n1", n2="Up", n3="Up")
    assert looked() == {VIP}, "it is back"


async def test_services_that_show_an_address_go_first(site: Site) -> None:
    site.world.services.put(objects.service("a-new"))
    site.drained()
    site.triggers.everything()
    first = site.queue.schedule.take(0)
    assert str(first) == WEB


async def test_pods_that_move_are_looked_into_for_their_service_alone(site: Site) -> None:
    site.triggers.endpoints_changed(ServiceKey("shop", "web"))
    assert site.drained() == {VIP}
    site.triggers.endpoints_changed(ServiceKey("shop", "other"))
    assert site.drained() == set()
    site.world.services.put(objects.service("web", "172.16.110.100", externalTrafficPolicy="Local"))
    site.drained()
    site.triggers.endpoints_known()
    assert site.drained() == {VIP}, "who waited for them is planned"


async def test_a_label_that_an_advertisement_asks_for_changes_plans(site: Site) -> None:
    selector = {"matchLabels": {"role": "edge"}}
    site.world.advertisements.put(objects.advertisement("edges", nodeSelectors=[selector]))
    site.drained()
    site.world.nodes.put(objects.node("n1", "172.16.110.11", labels={"team": "web"}))
    assert site.drained() == set()
    site.world.nodes.put(objects.node("n1", "172.16.110.11", labels={"role": "edge"}))
    assert site.drained() == {VIP, "l2advertisement edges"}


async def test_a_node_that_is_to_be_drained_hands_over_before_all_else_is_planned(
    site: Site,
) -> None:
    held = objects.virtual_ip("172.16.110.100", "web", "n1") | {"status": {"holder": "n1"}}
    site.world.virtual_ips.put(held)
    site.world.virtual_ips.put(objects.virtual_ip("172.16.110.101", "web", "n2"))
    site.drained()
    begun = site.queue.schedule
    site.world.nodes.put(objects.node("n1", "172.16.110.11", labels={"lbctl.io/drain": ""}))
    assert str(begun.take(time.monotonic() + PLAN_PAUSE_SECONDS / 2)) == VIP
    assert begun.take(time.monotonic() + PLAN_PAUSE_SECONDS / 2) is None, "the others gather"
    assert site.drained() == {"virtualip 172.16.110.101"}


def rebalance(token: str | None, *, done: str | None = None) -> dict[str, Any]:
    pool = objects.pool("lab", "172.16.110.100-172.16.110.109")
    pool["metadata"]["annotations"] = {} if token is None else {"lbctl.io/rebalance": token}
    return pool | {"status": {} if done is None else {"rebalanced": done}}


async def test_a_request_to_rebalance_and_each_end_of_its_moves_are_looked_into(
    site: Site,
) -> None:
    def move(outgoing: str | None) -> set[str]:
        vip = objects.virtual_ip("172.16.110.100", "web", "n2", "n1")
        vip["spec"] |= {"pool": "lab"} | ({} if outgoing is None else {"outgoing": outgoing})
        site.world.virtual_ips.put(vip)
        return site.drained()

    assert move("n1") == {VIP}, "nobody asked for it: a drain"
    site.world.pools.put(rebalance("now"))
    assert site.drained() == {REBALANCING}
    assert move(None) == {VIP, REBALANCING}
    site.world.pools.put(rebalance("now", done="now"))
    assert site.drained() == {REBALANCING}
    assert move("n1") == {VIP}, "it is done"
    site.world.pools.put(rebalance(None, done="now"))
    assert site.drained() == {REBALANCING}, "to say that it was withdrawn, if it was"


@pytest.mark.parametrize(
    ("rule", "want", "change"),
    [
        (
            "an address becomes free",
            FREE,
            lambda site: free(site.world),
        ),
        (
            "it is the one that is asked for",
            ThisAddress(ip_address("172.16.110.100")),
            lambda site: free(site.world),
        ),
        (
            "it was its namespace's, which has its quota",
            LessUsed("lab", "shop"),
            lambda site: free(site.world),
        ),
        (
            "labels let the namespace in",
            NamespaceLabels("shop"),
            lambda site: site.world.namespaces.put(objects.namespace("shop", team="gold")),
        ),
        (
            "who has an address alone lets others in",
            Sharers("edge"),
            lambda site: site.world.virtual_ips.put(shared_under("edge")),
        ),
    ],
)
async def test_who_waits_is_tried_when_it_has_come_and_not_before(
    site: Site, rule: str, want: Want, change: Callable[[Site], object]
) -> None:
    site.waiting.put(WAITING, {want})
    site.world.pools.put(objects.pool("lab", "172.16.110.100-172.16.110.109"))
    site.world.nodes.put(objects.node("n2", "172.16.110.12"))
    site.world.virtual_ips.put(objects.virtual_ip("172.16.110.105", None))
    assert PATIENT not in site.drained(), rule
    change(site)
    assert PATIENT in site.drained(), rule


def shared_under(key: str) -> dict[str, Any]:
    found = objects.virtual_ip("172.16.110.100", "web", "n1")
    return {**found, "spec": {**found["spec"], "sharingKey": key}}


async def test_each_pool_that_names_an_address_counts_it(site: Site) -> None:
    """Of two that overlap too, though the older one alone gives."""
    site.world.pools.put(objects.pool("other", "172.16.110.105-172.16.110.120"))
    site.drained()
    site.world.virtual_ips.put(objects.virtual_ip("172.16.110.105", None))
    assert {POOL, "pool other"} <= site.drained()


def free(world: World) -> None:
    """The Service web goes, and its address is free."""
    remove(world.services)
    view = world.virtual_ips[Key("", "172.16.110.100")]
    meta = {**view["metadata"], "resourceVersion": "1000000"}
    world.virtual_ips.remove({**view, "metadata": meta})


async def test_a_thousand_that_wait_are_tried_one_for_each_address_that_is_freed() -> None:
    site = Site.make()
    site.world.pools.put(objects.pool("lab", "172.16.110.100-172.16.110.109"))
    for number in range(10):
        site.world.virtual_ips.put(objects.virtual_ip(f"172.16.110.10{number}", None))
    for number in range(1000):
        site.waiting.put(ServiceKey("shop", f"s{number}"), {FREE, PoolChange("lab")})
    site.drained()
    for view in [*site.world.virtual_ips.values()][:3]:
        meta = {**view["metadata"], "resourceVersion": "1000000"}
        site.world.virtual_ips.remove({**view, "metadata": meta})
    woken = {name for name in site.drained() if name.startswith("service")}
    assert woken == {"service shop/s0", "service shop/s1", "service shop/s2"}
    site.triggers.tried(Key("shop", "s0"))
    assert site.drained() == {"service shop/s3"}, "it did not take its one: the next is tried"
