"""A Service that changes, from every state to every state: the table of docs/services.md.

What comes out is said twice: by the allocator, and by the few rules of `expected`. Each change is
also tried with a death after each of its writes; whoever decides next must end in the same state.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any

import pytest

from lbctl.core.addresses import Address, Family, family_of
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.tenancy import moved_in, moved_out
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import FamilyPolicy, Port, ServiceView, TrafficPolicy
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import Notice, Outcome
from tests.unit.core.builders import CLASS, OURS, ip, key, ledger, pool, service, shared

V4, V6 = Family.IPV4, Family.IPV6
HTTP, HTTPS = Port("TCP", 80), Port("TCP", 443)
LAB = pool("lab", "10.0.0.10-10.0.0.19", "fd00::10-fd00::19")
RARE = pool("rare", "10.0.0.20-10.0.0.29", "fd00::20-fd00::29")
PARTNER = service("other", ".11", ports=(HTTP,), request=Request(sharing_key="edge"))
SHARED = ip(".11")


@dataclass(frozen=True)
class State:
    """A Service as its owner may write it, and what follows from that."""

    name: str
    spec: dict[str, Any] = field(default_factory=dict)
    ours: bool = True
    families: tuple[Family, ...] = (V4,)
    asked: str | None = None
    """The address that it asks for."""
    pool: str = ""
    """The pool that it asks for."""
    shares: bool = False
    """Whether it fits to the partner."""

    def view(self, ingress: Any) -> ServiceView:
        spec = {"ports": (HTTPS,), "families": self.families, **self.spec}
        return service("web", ingress=ingress, **spec)


PREFER = {"family_policy": FamilyPolicy.PREFER_DUAL_STACK}
STATES = (
    State("ClusterIP", {"is_load_balancer": False}, ours=False),
    State("another's class", {"load_balancer_class": "example.com/other"}, ours=False),
    State("our class", {"load_balancer_class": CLASS}),
    State("no class"),
    State("IPv6", families=(V6,)),
    State("PreferDualStack", PREFER, families=(V4, V6)),
    State("PreferDualStack, IPv6 first", PREFER, families=(V6, V4)),
    State(
        "RequireDualStack", {"family_policy": FamilyPolicy.REQUIRE_DUAL_STACK}, families=(V4, V6)
    ),
    State("an address", {"request": Request((ip(".12"),))}, asked=".12"),
    State("an IPv6 address", {"request": Request((ip("fd00::12"),))}, families=(V6,),
          asked="fd00::12"),
    State("a pool", {"request": Request(pools=("rare",))}, pool="rare"),
    State("an address and its pool", {"request": Request((ip(".22"),), ("rare",))},
          asked=".22", pool="rare"),
    State("a key", {"request": Request(sharing_key="edge")}, shares=True),
    State("another key", {"request": Request(sharing_key="mine")}),
    State("a key, and the partner's port",
          {"request": Request(sharing_key="edge"), "ports": (HTTP,)}),
    State("a key, and Local", {
        "request": Request(sharing_key="edge"),
        "external_traffic_policy": TrafficPolicy.LOCAL,
        "selector": {"app": "web"},
    }),
    State("what cannot be read", {
        "request": Request(problems=(Notice(Outcome.INVALID_REQUEST, "Nonsense."),))}),
)  # fmt: skip


def expected(before: tuple[Address, ...], state: State) -> tuple[Address, ...]:
    """What it shows in the end: what it had, where the new state allows that; else a new one."""
    if not state.ours:
        return ()
    own = {family_of(address): address for address in before}
    found = (_address(own.get(family), state, family) for family in state.families)
    return tuple(address for address in found if address is not None)


def _address(had: Address | None, state: State, family: Family) -> Address | None:
    unreadable = state.name == "what cannot be read"
    if had is not None and _allowed(had, state, unreadable=unreadable):
        return had
    if unreadable:
        return had
    if state.asked is not None:
        return ip(state.asked)
    if state.shares and had is None and family is V4:
        return SHARED
    lowest = (".2" if state.pool else ".1") if family is V4 else "fd00::" + "21"[not state.pool]
    return ip(f"{lowest}0")


def _allowed(had: Address, state: State, *, unreadable: bool) -> bool:
    if had == SHARED and not state.shares:
        return False
    in_rare = str(had).endswith(tuple(str(n) for n in range(20, 30)))
    return unreadable or (
        (state.asked is None or had == ip(state.asked)) and (not state.pool or in_rare)
    )


class World:
    """The API server, in as far as it matters here."""

    def __init__(self) -> None:
        self.ledger: Ledger = ledger(LAB, RARE, PARTNER, shared(".11", PARTNER))
        self.seen: list[tuple[Address, ...]] = []
        """What the status showed after each write."""

    @property
    def service(self) -> ServiceView | None:
        return self.ledger.service(key())

    def becomes(self, state: State) -> None:
        """The owner writes; the API server empties the status of what is no load balancer."""
        shown = () if self.service is None else self.service.ingress
        if not state.spec.get("is_load_balancer", True):
            shown = ()
        self.ledger.put_service(state.view(shown))

    def rest(self) -> None:
        """Reconcile until nothing is left to do."""
        for _ in range(6):
            if not [*self.writes()]:
                return
        raise AssertionError("it never comes to rest")

    def writes(self) -> Iterator[None]:
        decision = decide(key(), self.ledger, OURS)
        seen = self.service
        assert seen is not None
        for take in decision.takes:
            made = moved_in(take.existing or VirtualIPView(take.address), seen, take.pool)
            self.ledger.put_virtual_ip(made)
            yield
        shows = None if decision.status is None else decision.status.ingress
        if shows is not None and shows != seen.ingress:
            self.seen.append(tuple(one.address for one in shows if one.address is not None))
            self.ledger.put_service(replace(seen, ingress=shows))
            yield
        for view in decision.release:
            left = moved_out(view, key())
            if left.stage is Stage.ALLOCATED:
                self.ledger.put_virtual_ip(left)
                yield
            else:
                self.ledger.drop_virtual_ip(view.address)
                yield

    def shown(self) -> tuple[Address, ...]:
        return () if self.service is None else self.service.shown

    def check(self, addresses: tuple[Address, ...]) -> None:
        assert self.shown() == addresses
        assert {v.address for v in self.ledger.virtual_ips_of(key())} == {*addresses}
        (partners,) = self.ledger.virtual_ips_of(PARTNER.key)
        assert partners.address == SHARED, "the partner has what it had"
        assert partners.services[0] == PARTNER.ref
        assert (partners.services[1:] != ()) == (SHARED in addresses)


def settled(state: State) -> World:
    world = World()
    world.becomes(state)
    world.rest()
    world.seen.clear()
    return world


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a_new_service(state: State) -> None:
    world = settled(state)
    world.check(expected((), state))


@pytest.mark.parametrize(
    ("before", "after"),
    [*product(STATES, STATES)],
    ids=lambda state: state.name,
)
def test_a_change(before: State, after: State) -> None:
    world = settled(before)
    had = world.shown()
    end = expected(() if not after.spec.get("is_load_balancer", True) else had, after)
    world.becomes(after)
    world.rest()
    world.check(end)
    if had and end:
        assert all(world.seen), "it is never without an address"
    for count in range(1, 5):
        again = settled(before)
        again.becomes(after)
        for _ in islice(again.writes(), count):
            pass  # Then it dies.
        again.rest()
        again.check(end)
