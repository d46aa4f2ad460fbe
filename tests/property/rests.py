"""What addresses are due after their last Service, read in the server's log, to the second."""

from dataclasses import dataclass, field
from typing import NamedTuple

from lbctl.core.addresses import Address
from lbctl.core.objects.services import ServiceKey, ServiceView
from lbctl.core.objects.virtualips import VirtualIPView
from tests.property.cluster import Server
from tests.property.judge import OWNERSHIP
from tests.property.naive import Naive


class Rest(NamedTuple):
    """Until when an address is nobody's, or one Service's alone. In seconds of the server."""

    cool: int = 0
    kept: int = 0
    whose: ServiceKey | None = None

    @property
    def end(self) -> int:
        return max(self.cool, self.kept)


@dataclass
class Rests:
    """Follows who left what, and who got what was kept."""

    server: Server
    model: Naive
    due: dict[Address, Rest] = field(default_factory=dict)
    read: int = 0
    known: dict[Address, VirtualIPView] = field(default_factory=dict)

    def follow(self) -> None:
        """Read what is new. The model knows the pools as they were then."""
        for event in self.server.log[self.read :]:
            self.read += 1
            if not isinstance(event.name, ServiceKey | str):
                now = event.thing if isinstance(event.thing, VirtualIPView) else None
                self._changed(event.name, self.known.pop(event.name, None), now)
                if now is not None:
                    self.known[event.name] = now

    def given_up_by_hand(self, address: Address) -> None:
        """Somebody deletes a VirtualIP: what follows in the log is no release."""
        self.follow()
        self.due.pop(address, None)
        self.known.pop(address)

    def next_end(self) -> int | None:
        """The second at which something is over."""
        every = [end for due in self.due.values() for end in (due.cool, due.kept)]
        return min((end for end in every if end > self.server.seconds), default=None)

    def check(self, view: VirtualIPView) -> None:
        """An address without a Service is free, but for what somebody wrote."""
        if view.services or view.release is None:
            return
        due, now = self.due[view.address], self.server.seconds
        assert now < due.end, f"{view.address} is kept for too long: {due}, {view}"
        kept = view.release.retained_for
        assert (kept is None) == (now >= due.kept), f"{view.address} is kept for {kept}"

    def _changed(
        self, address: Address, before: VirtualIPView | None, after: VirtualIPView | None
    ) -> None:
        if before is not None and before.services and (after is None or after.release is not None):
            self.due[address] = self._let_go(before)
        if after is None:
            end = self.due.pop(address, Rest()).end
            assert self.server.seconds >= end, f"{address} is free too early"
        elif after.services and address in self.due:
            (one,), due = after.services, self.due.pop(address)
            assert one.key == due.whose, f"{address} was kept for {due.whose}"

    def _let_go(self, view: VirtualIPView) -> Rest:
        pool, last, now = self.model.home(view), view.services[0], self.server.seconds
        service = self.server.objects.get(last.key)
        lives = (
            isinstance(service, ServiceView) and service.uid == last.uid and OWNERSHIP.ours(service)
        )
        if pool is None:
            return Rest()
        if lives or not pool.retain_for:
            return Rest(cool=now + pool.cooldown)
        return Rest(now + pool.cooldown, now + pool.retain_for, last.key)
