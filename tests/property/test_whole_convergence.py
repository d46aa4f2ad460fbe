"""The whole operator ends in one state, however its news come: in any order, twice, late, or never.

Services, VirtualIPs and pools are reconciled by the operator's own classes, woken by its own
triggers, against a server in memory. Three things are asked of it. What the triggers wake is all
that has anything to do: a look at everything finds nothing more. What was lost is made good by the
next sweeping list: an operator that has seen nothing else finds nothing to do then. And what is
written in the end is right by the rules of `naive.py`.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from ipaddress import ip_interface
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lbctl.core.addresses import Address, object_name
from lbctl.core.objects.services import ServiceKey, ServiceView
from lbctl.core.objects.virtualips import Stage
from lbctl.core.reading.objects import service_view, virtual_ip_view
from lbctl.core.reading.pools import pool_view
from lbctl.kube.objects import (
    NAMESPACES,
    NODES,
    POOLS,
    SERVICES,
    SPEAKERS,
    VIRTUAL_IPS,
    Key,
    Object,
)
from tests.property import people, written
from tests.property.judge import OWNERSHIP, Judge
from tests.property.memory import MemoryServer
from tests.property.replica import Replica
from tests.unit.operator import objects

NODE = "n1"
OWN = ("10.0.0.201/24", "10.0.1.201/24", "fd00::201/64")
"""The node is on both LANs; none of its addresses is a pool's."""

seeds = st.integers(0, 2**32 - 1)


class Site:
    """A server, the people and the speaker that write to it, and one replica that reads it."""

    def __init__(self, seed: int) -> None:
        self.chances = Random(seed)  # noqa: S311 - no secret
        self.server = MemoryServer()
        self.server.put(NODES, objects.node(NODE, "10.0.0.201"))
        self.server.put(SPEAKERS, objects.speaker(NODE, *OWN))
        for name in people.NAMESPACES:
            self.server.put(NAMESPACES, objects.namespace(name))
        for _ in range(3):
            self.a_pool_is_written()
        for key in people.KEYS:
            self.a_service_is_written(key)
        self.replica = Replica(self.server, NODE)
        self.replica.read_all()
        self.heard = self.server.version
        self.settle(lost=0.0)

    # ---- who writes

    def people_do_something(self) -> None:
        for _ in range(self.chances.randint(1, 4)):
            deeds: list[Callable[[], None]] = [
                self.a_pool_is_written,
                self.a_pool_is_deleted,
                self.a_namespace_is_labelled,
                self.a_service_is_deleted,
                self.an_address_is_reserved,
                self.a_virtual_ip_is_deleted,
                *[self.a_service_is_written] * 6,
            ]
            self.chances.choice(deeds)()

    def a_pool_is_written(self) -> None:
        made = people.pool(self.chances)
        old = self.server.objects.get((POOLS, Key("", made.name)))
        if old is not None:
            made = replace(pool_view(old), **people.pool_edit(self.chances)[1])
        self.server.put(POOLS, {**(old or {}), **written.pool(made)})

    def a_pool_is_deleted(self) -> None:
        pools = self.server.of(POOLS)
        if len(pools) > 1:
            name = self.chances.choice(pools)["metadata"]["name"]
            self.server.take_out(POOLS, Key("", name))

    def a_namespace_is_labelled(self) -> None:
        labels = self.chances.choice([{}, {"tier": "gold"}])
        name = self.chances.choice(people.NAMESPACES)
        self.server.put(NAMESPACES, {"metadata": {"name": name, "labels": labels}})

    def a_service_is_written(self, key: ServiceKey | None = None) -> None:
        drawn, edit = people.edit(self.chances)
        key = key or drawn
        old = self.server.objects.get((SERVICES, Key(*key)))
        if old is None:
            made = replace(ServiceView(*key, uid="", created=""), **people.spec(self.chances))
        else:
            made = replace(service_view(old), **edit)
        self.server.put(SERVICES, {**(old or {}), **written.service(made)})

    def a_service_is_deleted(self) -> None:
        services = self.server.of(SERVICES)
        if services:
            meta = self.chances.choice(services)["metadata"]
            self.server.take_out(SERVICES, Key(meta["namespace"], meta["name"]))

    def an_address_is_reserved(self) -> None:
        host = self.chances.randrange(people.REACH)
        either: list[Address] = [people.LOW + host, people.LOW6 + host]
        address = self.chances.choice(either)
        name = object_name(address)
        if (VIRTUAL_IPS, Key("", name)) not in self.server.objects:
            whom = self.chances.choice([None, self.chances.choice(people.KEYS)])
            spec: Object = {"address": str(address), "services": []}
            if whom is not None:
                spec["reservedFor"] = whom._asdict()
            self.server.put(VIRTUAL_IPS, {"metadata": {"name": name}, "spec": spec})

    def a_virtual_ip_is_deleted(self) -> None:
        found = self.server.of(VIRTUAL_IPS)
        if found:
            name = self.chances.choice(found)["metadata"]["name"]
            self.server.take_out(VIRTUAL_IPS, Key("", name))

    def the_speaker_obeys(self) -> None:
        """It holds what it is to hold, and finds the LAN silent about all else."""
        for obj in self.server.of(VIRTUAL_IPS):
            view, status = virtual_ip_view(obj), dict(obj.get("status") or {})
            if view.stage is Stage.ALLOCATED and view.succession:
                status |= {"holder": NODE, "everHeld": True}
            elif view.stage is Stage.RELEASING:
                status["holder"] = None
                said = [one for one in status.get("conditions") or () if one["type"] != "Released"]
                silent = {"type": "Released", "status": "True", "reason": "Silent"}
                said.append({**silent, "observedGeneration": view.generation})
                status["conditions"] = said
            self.server.put(VIRTUAL_IPS, {**obj, "status": status})

    # ---- how the news come

    def tell(self, lost: float) -> None:
        """All that is new, in any order, some of it twice, some not at all."""
        news = self.server.news[self.heard :]
        self.heard = self.server.version
        told = [one for one in news if self.chances.random() >= lost]
        told += [one for one in told if self.chances.random() < 0.2]
        self.chances.shuffle(told)
        for one in told:
            self.replica.hear(deepcopy(one))

    def settle(self, lost: float) -> None:
        """Until nobody has anything to do."""
        for _ in range(30):
            before = self.server.version
            self.tell(lost)
            self.replica.work(self.chances)
            self.the_speaker_obeys()
            self.tell(lost)
            self.replica.work(self.chances)
            if self.server.version == before:
                return
        raise AssertionError("they never come to rest")

    # ---- what must be so

    def check_nothing_is_left(self, replica: Replica) -> None:
        before = deepcopy(self.server.objects)
        replica.read_all()
        replica.work(self.chances)
        after = self.server.objects
        assert before.keys() == after.keys()
        left = [key for one, key in after if _matter(before[one, key]) != _matter(after[one, key])]
        assert not left, f"nobody was woken for {left}"

    def check_it_is_right(self) -> None:
        judge = Judge()
        model = judge.model
        services = [service_view(obj) for obj in self.server.of(SERVICES)]
        model.services = {one.key: one for one in services}
        views = [virtual_ip_view(obj) for obj in self.server.of(VIRTUAL_IPS)]
        model.virtual_ips = {one.address: one for one in views}
        model.pools = {one.name: one for one in map(pool_view, self.server.of(POOLS))}
        model.own = {NODE: {ip_interface(own).ip for own in OWN}}
        model.subnets = {str(ip_interface(own).network) for own in OWN}
        for obj in self.server.of(NAMESPACES):
            model.namespaces[obj["metadata"]["name"]] = obj["metadata"].get("labels") or {}
        for service in filter(OWNERSHIP.ours, services):
            if not judge.is_foreign(service):
                judge.shows_what_it_has(service)
                # Nobody tells here where pods are, so that a new address of theirs is not planned.
                judge.is_at_rest(service, moving=service.local)
        for view in views:
            judge.shares_rightly(view)
            assert view.stage is not Stage.RELEASING, f"{view.address} is not free"


def _matter(obj: Object) -> object:
    """All but words. Who waits for one family is not told at once that the other is gone too."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    said = [
        (one["type"], one["status"], one["reason"] if one["status"] == "True" else "")
        for one in conditions
    ]
    rest = {name: one for name, one in (obj.get("status") or {}).items() if name != "conditions"}
    return obj["metadata"].get("labels"), obj.get("spec"), rest, said


@given(seeds)
def test_whoever_has_something_to_do_is_woken(seed: int) -> None:
    site = Site(seed)
    for _ in range(6):
        site.people_do_something()
        site.settle(lost=0.0)
        site.check_nothing_is_left(site.replica)
        site.check_it_is_right()


@given(seeds)
def test_what_was_lost_is_made_good(seed: int) -> None:
    site = Site(seed)
    for _ in range(4):
        site.people_do_something()
        site.tell(lost=0.5)
        site.replica.work(site.chances)
    site.replica.read_all()
    site.settle(lost=0.0)
    site.check_nothing_is_left(Replica(site.server, NODE))
    site.check_it_is_right()
