"""What people write: pools, Services and what they ask for. Of one small LAN: all collide there.

Each is made from a seed, by equal chances. Drawn value by value they would come out alike, and few
of them would ever meet.
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from lbctl.core.addresses import Address, Family
from lbctl.core.objects.pools import Allocation, OnRemoval, PoolView, SharingScope
from lbctl.core.objects.requests import Request, read
from lbctl.core.objects.services import FamilyPolicy, Port, ServiceKey, TrafficPolicy
from tests.property.strategies import GOLD
from tests.unit.core.builders import CLASS

T = TypeVar("T")
Said = dict[str, Any]
"""Fields of an object, by their names in its view."""

NAMESPACES = ("blue", "red")
KEYS = tuple(ServiceKey(namespace, name) for namespace in NAMESPACES for name in "abcd")
POOLS = tuple(f"pool-{number}" for number in range(4))
SUBNETS = ("10.0.1.0/30", "fd00::100/126")
"""Their edges are within the pools' reach."""

LOW, LOW6 = IPv4Address("10.0.0.250"), IPv6Address("fd00::fa")
"""Six below an address that ends in .0."""

REACH = 20
"""So many addresses of either family may be in pools."""

SECONDS = (0, 0, 0, 10, 60)
"""How long addresses rest, or are kept."""


def seeded(make: Callable[[Random], T]) -> st.SearchStrategy[T]:
    return st.integers(0, 2**32 - 1).map(lambda seed: make(Random(seed)))  # noqa: S311 - no secret


keys = st.sampled_from(KEYS)
golden = st.sampled_from([{}, {"tier": "gold"}])
addresses: st.SearchStrategy[Address] = st.integers(0, REACH).flatmap(
    lambda host: st.sampled_from([LOW + host, LOW6 + host])
)


def _entries(name: str, r: Random) -> tuple[str, ...]:
    """Each pool has its own part of the LAN, and sometimes more."""
    first = r.choice([5 * POOLS.index(name)] * 4 + [r.randrange(REACH - 4)])
    size = r.randrange(5)
    found = [f"{low + first}-{low + first + size}" for low in (LOW, LOW6)]
    for _ in range(r.choice([0, 0, 0, 1])):
        low, at = r.choice([LOW, LOW6]), r.randrange(REACH - 1)
        found.append(f"{low + at}-{low + at + 1}")
    return tuple(found[r.choice([0, 0, 0, 1]) :])


def _allocation(r: Random) -> Allocation | None:
    said = Allocation(
        priority=r.choice([None, 1, 2]),
        namespaces=r.choice([(), (), (), (), ("blue",), ("green",)]),
        namespace_selectors=r.choice([(), (), (), (GOLD,)]),
        service_selectors=r.choice([(), (), (), (GOLD,)]),
        quota_per_namespace=r.choice([None, 1, 2, 3]),
        sharing=r.choice([*SharingScope]),
    )
    return r.choice([None, said, said, said])


_POOL_ASPECTS: tuple[Callable[[Random], Said], ...] = (
    lambda r: {"exclude": r.choice([(), (), (f"{LOW + 2}-{LOW + 4}", f"{LOW6 + 4}")])},
    lambda r: {"disabled": r.choice([False, False, False, True])},
    lambda r: {"auto_assign": r.choice([True, True, True, False])},
    lambda r: {"avoid_buggy_ips": r.choice([False, True])},
    lambda r: {"allow_subnet_edges": r.choice([False, True])},
    lambda r: {"cooldown": r.choice(SECONDS), "retain_for": r.choice(SECONDS)},
    lambda r: {"on_removal": r.choice([*OnRemoval])},
    lambda r: {"allocation": _allocation(r)},
)


def pool(r: Random) -> PoolView:
    """As somebody makes one: most give to everybody."""
    name = r.choice(POOLS)
    ranked = Allocation(priority=r.choice([None, 1, 2]))
    said: Said = {"entries": _entries(name, r), "allocation": ranked}
    for aspect in r.sample(_POOL_ASPECTS, r.randrange(6)):
        said |= aspect(r)
    return PoolView(name, "", **said)


def pool_edit(r: Random) -> tuple[str, Said]:
    """Something else is said of a pool."""
    name = r.choice(POOLS)
    said: Said = {"entries": _entries(name, r)}
    return name, r.choice([said, *(aspect(r) for aspect in _POOL_ASPECTS)])


_V4, _V6 = Family.IPV4, Family.IPV6
_STACKS = (
    *[(FamilyPolicy.SINGLE_STACK, (family,)) for family in (_V4, _V4, _V4, _V6)],
    (FamilyPolicy.PREFER_DUAL_STACK, (_V4,)),
    *[
        (policy, order)
        for policy in (FamilyPolicy.PREFER_DUAL_STACK, FamilyPolicy.REQUIRE_DUAL_STACK)
        for order in ((_V4, _V6), (_V6, _V4))
    ],
)
_TRAFFIC = (
    *[(TrafficPolicy.CLUSTER, {"app": "web"})] * 9,
    *[(TrafficPolicy.LOCAL, pods) for pods in ({"app": "web"}, {"app": "dns"}, {})],
)
_PORTS = tuple(Port("TCP", number) for number in (80, 443, 8080, 8443))


def request(r: Random) -> Request:
    """As people write one: most ask for nothing but to share."""
    host = r.randrange(REACH)
    four, six = str(LOW + host), str(LOW6 + host)
    asks = r.choice(
        [
            "",
            "",
            "",
            *["address"] * 3,
            *["pools"] * 3,
            "loadBalancerIP",
            "loadBalancerIP",
            "nonsense",
        ]
    )
    said = {
        "lbctl.io/addresses": {
            "address": r.choice([four, six, f"{four}, {six}"]),
            "nonsense": "10.0.0.256",
        }.get(asks, ""),
        "lbctl.io/pools": ",".join(r.sample(POOLS, r.randint(1, 2))) if asks == "pools" else "",
        "lbctl.io/allow-shared-ip": r.choice(["", *["edge"] * 5, "mine"]),
    }
    return read(said, r.choice([four, six]) if asks == "loadBalancerIP" else "")


def _modest(r: Random) -> Request:
    return request(r) if r.random() < 0.3 else read({"lbctl.io/allow-shared-ip": "edge"})


def _stack(r: Random) -> Said:
    policy, families = r.choice(_STACKS)
    return {"family_policy": policy, "families": families}


def _traffic(r: Random) -> Said:
    policy, selector = r.choice(_TRAFFIC)
    return {"external_traffic_policy": policy, "selector": selector}


_ASPECTS: tuple[Callable[[Random], Said], ...] = (
    _stack,
    _traffic,
    lambda r: {"request": _modest(r)},
    lambda r: {"ports": r.choice([*((one,) for one in _PORTS), _PORTS[:2]])},
    lambda r: {"labels": r.choice([{}, {"tier": "gold"}])},
)


def edit(r: Random) -> tuple[ServiceKey, Said]:
    """Something else is said of a Service."""
    return r.choice(KEYS), r.choice(_ASPECTS)(r)


def spec(r: Random) -> Said:
    """All that is said of a new Service."""
    said: Said = {"load_balancer_class": r.choice([CLASS] * 6 + [None, None, "example.com/other"])}
    for aspect in _ASPECTS:
        said |= aspect(r)
    return said
