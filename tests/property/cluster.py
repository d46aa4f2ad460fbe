"""A model of the API server and of operators that see it late, for the allocator's properties.

The server is the truth: names are unique, writes carry a resourceVersion, deletes a uid as well.
Each operator has a ledger that lags by any number of watch events, and it can die between any two
writes. The order of writes is the one that `lbctl.core.allocation.deciding` asks for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from lbctl.core.addresses import Address
from lbctl.core.allocation.belonging import home
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.decisions import How, Take
from lbctl.core.allocation.leaving import rest
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.release import Begin, Delete, Reassign, begin, proceed
from lbctl.core.allocation.tenancy import moved_in, moved_out
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.services import Ownership, ServiceKey, ServiceView
from lbctl.core.objects.speakers import NodeView
from lbctl.core.objects.virtualips import ReleasedCondition, Stage, VirtualIPView

OWNERSHIP = Ownership()

Thing = ServiceView | VirtualIPView | PoolView
Name = ServiceKey | Address | str


class ConflictError(Exception):
    """409: the object is there already, or is not what the writer had read."""


@dataclass(frozen=True)
class Event:
    """One line of a watch: the object as it became, or None when it went."""

    name: Name
    version: int
    thing: Thing | None


def name_of(thing: Thing) -> Name:
    match thing:
        case ServiceView():
            return thing.key
        case VirtualIPView():
            return thing.address
        case PoolView():
            return thing.name


@dataclass
class Server:
    """The objects, and everything that happened to them."""

    objects: dict[Name, Thing] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    seconds: int = 0
    """Since the beginning of all."""

    def later(self, seconds: int) -> str:
        """The time so many seconds from now, as it is written into objects."""
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds + seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def put(self, thing: Thing) -> None:
        """Store an object under the next resourceVersion, and tell the watches."""
        version = len(self.log) + 1
        stored = replace(thing, resource_version=str(version))
        self.objects[name_of(thing)] = stored
        self.log.append(Event(name_of(thing), version, stored))

    def create(self, thing: Thing) -> None:
        if name_of(thing) in self.objects:
            raise ConflictError
        self.put(replace(thing, uid=thing.uid or f"uid-{len(self.log)}"))

    def update(self, read: Thing, **changes: object) -> None:
        """Write what was read, changed, unless somebody else wrote meanwhile."""
        self.write(read, replace(read, **changes))  # type: ignore[arg-type]  # any field

    def write(self, read: Thing, made: Thing) -> None:
        """Write an object in the place of what was read, unless somebody else wrote meanwhile."""
        if self.objects.get(name_of(read)) != read:
            raise ConflictError
        self.put(made)

    def delete(self, name: Name, read: Thing | None = None) -> None:
        if name not in self.objects or (read is not None and self.objects[name] != read):
            raise ConflictError
        del self.objects[name]
        self.log.append(Event(name, len(self.log) + 1, None))

    def services(self) -> list[ServiceView]:
        return [thing for thing in self.objects.values() if isinstance(thing, ServiceView)]

    def virtual_ips(self) -> list[VirtualIPView]:
        return [thing for thing in self.objects.values() if isinstance(thing, VirtualIPView)]

    def virtual_ip(self, address: Address) -> VirtualIPView | None:
        thing = self.objects.get(address)
        return thing if isinstance(thing, VirtualIPView) else None


@dataclass
class Operator:
    """One replica: what it has seen, and what it does about it."""

    server: Server
    nodes: dict[str, NodeView]
    taken: Callable[[Take, ServiceView], None]
    """Told of each address that becomes a Service's, before it is written."""
    ledger: Ledger = field(default_factory=Ledger)
    seen: int = 0
    newest: dict[Name, int] = field(default_factory=dict)

    def watch(self, count: int) -> None:
        """Receive so many events of those that are on their way."""
        for event in self.server.log[self.seen : self.seen + count]:
            self.seen += 1
            if event.version > self.newest.get(event.name, 0):
                self._know(event.name, event.version, event.thing)

    def read(self, name: Name) -> None:
        """Read one object as it is now."""
        self._know(name, len(self.server.log), self.server.objects.get(name))

    def _know(self, name: Name, version: int, thing: Thing | None) -> None:
        self.newest[name] = version
        match name:
            case ServiceKey():
                self._know_service(name, thing)
            case IPv4Address() | IPv6Address():
                self._know_virtual_ip(name, thing)
            case str():
                self._know_pool(name, thing)

    def _know_service(self, key: ServiceKey, thing: Thing | None) -> None:
        if isinstance(thing, ServiceView):
            self.ledger.put_service(thing)
        else:
            self.ledger.drop_service(key)

    def _know_virtual_ip(self, address: Address, thing: Thing | None) -> None:
        if isinstance(thing, VirtualIPView):
            self.ledger.put_virtual_ip(thing)
        else:
            self.ledger.drop_virtual_ip(address)

    def _know_pool(self, name: str, thing: Thing | None) -> None:
        if isinstance(thing, PoolView):
            self.ledger.put_pool(thing)
        else:
            self.ledger.drop_pool(name)

    def reconcile(self, key: ServiceKey, *, dies_after: int | None = None) -> None:
        """Decide for one Service and write, or die after so many writes."""
        decision = decide(key, self.ledger, OWNERSHIP)
        if decision.release or any(take.existing is not None for take in decision.takes):
            self.read(key)
        run(self._writes(key), dies_after)

    def _writes(self, key: ServiceKey) -> Iterator[Name]:
        """The writes of one decision, each as the name of what it wrote."""
        decision = decide(key, self.ledger, OWNERSHIP)
        service = self.ledger.service(key)
        if service is not None:
            for take in decision.takes:
                yield from self._try(take.address, partial(self._take, take, service))
            shows = None if decision.status is None else decision.status.ingress
            if shows is not None and shows != service.ingress:
                change = {"ingress": shows}
                yield from self._try(key, lambda: self.server.update(service, **change))
        for view in decision.release:
            yield from self._release(view, key)

    def _take(self, take: Take, service: ServiceView) -> None:
        bare = take.existing or VirtualIPView(take.address, succession=("n1",))
        made = moved_in(bare, service, take.pool)
        if take.how is not How.RENEWED:
            self.taken(take, service)
        if take.existing is not None:
            self.server.write(take.existing, replace(made, generation=made.generation + 1))
        else:
            self.server.create(made)

    def _release(self, view: VirtualIPView, key: ServiceKey) -> Iterator[Name]:
        left = moved_out(view, key)
        if left.services or left.reserved_for is not None:
            yield from self._try(view.address, lambda: self.server.write(view, left))
            return
        match begin(view, self.nodes, rest(view, self.ledger, OWNERSHIP, self.server.later)):
            case Delete():
                yield from self._try(view.address, lambda: self._delete(view))
            case Begin(release):
                emptied = {
                    "services": (),
                    "sharing_key": "",
                    "release": release,
                    "generation": view.generation + 1,
                }
                yield from self._try(view.address, lambda: self.server.update(view, **emptied))

    def follow_the_pool(self, address: Address) -> None:
        """An address that another pool has now is that pool's."""
        view = self.ledger.virtual_ip(address)
        if view is None or view.stage is not Stage.ALLOCATED:
            return
        found = home(view, self.ledger)
        if found is not None and found.pool.name != view.pool:
            changes = {"pool": found.pool.name, "generation": view.generation + 1}
            run(self._try(address, lambda: self.server.update(view, **changes)), None)

    def finish_release(self, address: Address) -> None:
        """The next step for an address that is being released."""
        view = self.ledger.virtual_ip(address)
        if view is None:
            return
        match proceed(view, self.nodes, self.server.later(0)):
            case Delete():
                run(self._try(address, lambda: self._delete(view)), None)
            case Reassign(release):
                renewed = {"release": release, "generation": view.generation + 1}
                run(self._try(address, lambda: self.server.update(view, **renewed)), None)
            case _:
                pass

    def _delete(self, view: VirtualIPView) -> None:
        self.server.delete(view.address, view)

    def _try(self, name: Name, write: Callable[[], None]) -> Iterator[Name]:
        """Write; whatever the answer, know the object as it is now."""
        try:
            write()
        finally:
            self.read(name)
        yield name


def run(writes: Iterator[Name], dies_after: int | None) -> None:
    """Carry writes out until they end, the server refuses one, or the operator dies."""
    try:
        for done, _ in enumerate(writes, start=1):
            if done == dies_after:
                return
    except ConflictError:
        return


def verify(server: Server, address: Address, *, anybody_answers: bool) -> None:
    """What the verifier's speaker writes about an address that is being released."""
    view = server.virtual_ip(address)
    if view is not None and view.stage is Stage.RELEASING:
        answer = ReleasedCondition(not anybody_answers, view.generation)
        server.update(view, released=answer)
