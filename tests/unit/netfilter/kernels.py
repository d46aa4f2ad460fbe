"""A kernel that remembers one table, as nf_tables would."""

import errno
import os
from collections.abc import Iterable

from speaker.netfilter.contents import Change, Contents
from speaker.netfilter.declarations import Table
from speaker.netfilter.messages import Found


def refused(code: int) -> OSError:
    return OSError(code, os.strerror(code))


class RememberingKernel:
    """What the keeper needs, without a kernel. Somebody else may write to `contents` or `table`."""

    def __init__(self) -> None:
        self.table: Table | None = None
        self.contents: Contents = {}
        self.replaced = 0
        self.counted: dict[str, dict[bytes, tuple[int, int]]] = {}
        self.refusal: int | None = None
        self.others = 0
        """Changes of other tables that come between any two steps."""
        self._generation = 1

    def close(self) -> None:
        """Nothing is open."""

    def meddle(self) -> None:
        """Somebody changes a table."""
        self._generation += 1

    def replace(self, table: Table, contents: Contents) -> None:
        self._changed()
        self.table = table
        self.contents = {name: dict(elements) for name, elements in contents.items()}
        self.replaced += 1

    def change(self, table: str, changes: Iterable[Change]) -> None:
        assert table == "lbctl"
        self._changed()
        after = {name: dict(elements) for name, elements in self._known().items()}
        for each in changes:
            for key in each.remove:
                if after[each.name].pop(key, None) is None:
                    raise refused(errno.ENOENT)
            for key, data in each.add.items():
                if after[each.name].setdefault(key, data) != data:
                    raise refused(errno.EEXIST)
        self.contents = after

    def remove(self, table: str) -> None:
        assert table == "lbctl"
        self._changed()
        self.table, self.contents = None, {}

    def generation(self) -> int:
        self._generation += self.others
        return self._generation

    def structure(self, table: str) -> frozenset[object]:
        assert table == "lbctl"
        return frozenset() if self.table is None else frozenset({self.table})

    def elements(self, table: str, name: str) -> dict[bytes, Found]:
        assert table == "lbctl"
        if name not in self._known():
            raise FileNotFoundError(errno.ENOENT, name)
        counted = self.counted.get(name, {})
        return {
            key: Found(data, *counted.get(key, (0, 0))) for key, data in self._known()[name].items()
        }

    def _known(self) -> Contents:
        if self.table is None:
            raise FileNotFoundError(errno.ENOENT, "lbctl")
        return self.contents

    def _changed(self) -> None:
        if self.refusal is not None:
            raise refused(self.refusal)
        self._generation += 1
