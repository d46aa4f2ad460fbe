"""Keeps the table as it should be: level-triggered, whatever somebody else does to it."""

import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, Protocol

from speaker.netfilter.contents import Change, Contents, changes, contents
from speaker.netfilter.declarations import Table
from speaker.netfilter.families import FAMILIES
from speaker.netfilter.messages import Found
from speaker.netfilter.rewrites import Address, Behaviour, Guarded
from speaker.netfilter.table import NAME, table

_SOMEBODY_ELSE: Final = frozenset({errno.ENOENT, errno.EEXIST})
"""What the kernel says to a change that was made for another table than the one there is."""

_ATTEMPTS: Final = 3
"""To replace the table while nobody else changes anything: kube-proxy does so in bursts."""


class Kernel(Protocol):
    """What is needed of `kernel.Nftables`."""

    def replace(self, table: Table, contents: Contents) -> None: ...
    def change(self, table: str, changes: Iterable[Change]) -> None: ...
    def remove(self, table: str) -> None: ...
    def generation(self) -> int: ...
    def structure(self, table: str) -> frozenset[object]: ...
    def elements(self, table: str, name: str) -> dict[bytes, Found]: ...


class Outcome(StrEnum):
    """What a look at the table came to."""

    UNCHANGED = "unchanged"
    """It was as it should be."""
    CHANGED = "changed"
    """It is as it should be now, for something else is wanted than before."""
    REPAIRED = "repaired"
    """It is as it should be now; somebody else had changed it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that the table is to do."""

    behaviour: Behaviour
    guarded: tuple[Guarded, ...] = ()
    interfaces: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Traffic:
    """Of one address, since its element was made."""

    received_packets: int = 0
    received_bytes: int = 0
    sent_packets: int = 0
    sent_bytes: int = 0


NO_TRAFFIC: Final = Traffic()


@dataclass(frozen=True, slots=True)
class _Applied:
    """What this process has put into the kernel, as the kernel tells it."""

    table: Table
    contents: Contents
    structure: frozenset[object]
    generation: int | None
    """None: somebody else may have changed something since."""


class TableKeeper:
    """Owner of the table in one network namespace.

    Args:
        kernel: an open socket to nf_tables, in that namespace.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._applied: _Applied | None = None

    @property
    def in_place(self) -> bool:
        """Whether the table that was made last is there, as far as this process knows.

        A change that is refused leaves it as it was.
        """
        return self._applied is not None

    def enforce(self, wanted: Wanted) -> Outcome:
        """Make the table what is wanted, in one step, and nothing where it is so already.

        What an earlier process left is replaced. Connections go on.

        Raises:
            OSError: the kernel refused; the table is as it was, and the next call tries again.
        """
        before = self._applied
        made = before.table if before and before.table == table(wanted.behaviour) else None
        made = made or table(wanted.behaviour)
        holds = contents(made, wanted.guarded, wanted.interfaces)
        if before is None:
            self._replace(made, holds)
            return Outcome.CHANGED
        before = self._as_left(before)
        if before is None:
            self._replace(made, holds)
            return Outcome.REPAIRED
        if made != before.table:
            self._replace(made, holds)
            return Outcome.CHANGED
        different = changes(before.contents, holds)
        if not different:
            return Outcome.UNCHANGED
        return self._change(before, holds, different)

    def remove(self) -> None:
        """Leave nothing behind.

        Raises:
            OSError: the kernel refused.
        """
        self._applied = None
        self._kernel.remove(NAME)

    def traffic(self) -> Mapping[Address, Traffic]:
        """What came for each address, and what went back.

        Raises:
            OSError: somebody else has removed the table.
        """
        if self._applied is None:
            return {}
        found: dict[Address, Traffic] = {}
        there = {each.name for each in self._applied.table.sets}
        for family in FAMILIES:
            received, sent = family.named("received"), family.named("sent")
            if received in there:
                went = self._kernel.elements(NAME, sent)
                for key, came in self._kernel.elements(NAME, received).items():
                    back = went.get(key, Found())
                    found[ip_address(key)] = Traffic(
                        came.packets, came.size, back.packets, back.size
                    )
        return found

    # ------------------------------------------------------------------ steps

    def _replace(self, made: Table, holds: Contents) -> None:
        self._applied = None
        for _ in range(_ATTEMPTS):
            at = self._kernel.generation()
            self._kernel.replace(made, holds)
            # What is read here is what the table is compared with from now on.
            if self._remember(made, holds, self._kernel.structure(NAME), at):
                return

    def _change(self, before: _Applied, holds: Contents, different: tuple[Change, ...]) -> Outcome:
        try:
            self._kernel.change(NAME, different)
        except OSError as error:
            if error.errno not in _SOMEBODY_ELSE:
                raise
            self._replace(before.table, holds)
            return Outcome.REPAIRED
        # Counted from the look: what somebody else did since then is not taken for our own.
        self._remember(before.table, holds, before.structure, before.generation)
        return Outcome.CHANGED

    def _remember(
        self, made: Table, holds: Contents, structure: frozenset[object], before: int | None
    ) -> bool:
        """Take note of a change, and whether it was the only one meanwhile."""
        now = self._kernel.generation()
        # One step further: it was our own, and nobody's beside it.
        only_ours = before is not None and now == (before + 1) % (1 << 32)
        self._applied = _Applied(made, holds, structure, now if only_ours else None)
        return only_ours

    def _as_left(self, before: _Applied) -> _Applied | None:
        """What this process put into the kernel, as of now; None if it is not there as it was.

        Every change of anybody's table moves the generation on, so most looks end here or, where
        others change theirs, after a reading.
        """
        now = self._kernel.generation()
        if now == before.generation:
            return before
        try:
            same = self._kernel.structure(NAME) == before.structure and all(
                {key: each.data for key, each in self._kernel.elements(NAME, name).items()}
                == elements
                for name, elements in before.contents.items()
            )
        except FileNotFoundError:
            return None
        if not same:
            return None
        self._applied = _Applied(before.table, before.contents, before.structure, now)
        return self._applied
