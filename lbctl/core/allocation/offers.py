"""Taken addresses that some Services can have all the same: shared ones, and those kept for one.

An index beside the ledger, so that ten thousand Services under one key cost no search through all
of them: what is asked is which addresses of a key have none of these ports yet.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lbctl.core.addresses import place
from lbctl.core.objects.services import Port, ServiceKey
from lbctl.core.objects.virtualips import Stage, Terms, VirtualIPView


@dataclass(frozen=True, slots=True)
class _Under:
    """Shared under a key; with a port: and somebody has that there."""

    key: str
    port: Port | None = None


class Offers:
    """`put` what is known of a VirtualIP, and `drop` that before it changes."""

    def __init__(self) -> None:
        self._sets: dict[_Under | ServiceKey, set[int]] = {}

    def put(self, view: VirtualIPView) -> None:
        for where in _sets(view):
            self._sets.setdefault(where, set()).add(place(view.address))

    def drop(self, view: VirtualIPView) -> None:
        for where in _sets(view):
            places = self._sets[where]
            places.discard(place(view.address))
            if not places:
                del self._sets[where]

    def shared(self, key: str, ports: Iterable[Port]) -> list[int]:
        """The places of the addresses under a key at which nobody has one of these ports."""
        free = set(self._sets.get(_Under(key), ()))
        for port in ports:
            free.difference_update(self._sets.get(_Under(key, port), ()))
        return sorted(free)

    def kept_for(self, service: ServiceKey) -> list[int]:
        """The places of the addresses that are kept for a Service, ascending."""
        return sorted(self._sets.get(service, ()))


def _sets(view: VirtualIPView) -> Iterator[_Under | ServiceKey]:
    """The sets that hold the address, each once."""
    if view.sharing_key and view.stage is Stage.ALLOCATED:
        yield _Under(view.sharing_key)
        terms = (view.terms.get(ref.uid, Terms()) for ref in view.services)
        for port in {port for one in terms for port in one.ports}:
            yield _Under(view.sharing_key, port)
    release = view.release
    if view.reserved_for is not None:
        yield view.reserved_for
    elif release is not None and release.retained_for is not None:
        yield release.retained_for.key
