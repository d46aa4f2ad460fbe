"""A mirror of one kind that several sources feed: a watch, a sweeping list, and our own writes.

The three are not in order with each other. A list that was asked for a second ago may arrive after
a watch event that is newer; our own write is known before the watch tells of it. The
resourceVersion settles which is the truth: older news is dropped. A deletion leaves a tombstone,
so that news from before it does not bring the object back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lbctl.kube.client import Listing
from lbctl.kube.objects import Key, Kind, Object, key_of, version_of

Listener = Callable[[Key, Object | None, Object | None], None]
"""Called as (key, old, new) after each change; None = not there."""


class Store(Mapping[Key, Object]):
    """The objects of one kind. Read it as a mapping; feed it with `put`, `remove` and `sweep`.

    Args:
        kind: what is mirrored.
        accepts: which objects are; the others are not there for anybody.
        trim: what to keep of an object: at least what anybody reads, and all of what is written
            back as a whole.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        accepts: Callable[[Object], bool] = lambda _: True,
        trim: Callable[[Object], Object] = lambda obj: obj,
    ) -> None:
        self.kind = kind
        self._accepts = accepts
        self._trim = trim
        self.synced = False
        """Whether a complete list has been swept in. Before that, absence means nothing."""
        self._objects: dict[Key, Object] = {}
        self._tombstones: dict[Key, int] = {}
        self._floor = 0
        """The last list's resourceVersion: whatever is older and unknown is gone."""
        self._listeners: list[Listener] = []

    def __getitem__(self, key: Key) -> Object:
        return self._objects[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def listen(self, listener: Listener) -> None:
        """Call the listener after each change from now on."""
        self._listeners.append(listener)

    def put(self, obj: Object) -> bool:
        """Learn of an object. False when this is old news, or none of ours."""
        if not self._accepts(obj):
            return False
        key, version = key_of(obj), version_of(obj)
        old = self._objects.get(key)
        if old is not None and version <= version_of(old):
            return False
        if old is None and version <= max(self._floor, self._tombstones.get(key, 0)):
            return False
        self._tombstones.pop(key, None)
        self._objects[key] = new = self._trim(obj)
        self._tell(key, old, new)
        return True

    def remove(self, obj: Object) -> bool:
        """Learn that an object is gone, as of the object's resourceVersion. False = old news.

        A watch's DELETED event bears the version of the deletion. For a delete of our own, which
        had its version as a precondition, pass the object as it was. Whatever is newer stays.
        """
        key, version = key_of(obj), version_of(obj)
        old = self._objects.get(key)
        if old is not None and version_of(old) > version:
            return False
        self._tombstones[key] = max(version, self._tombstones.get(key, 0))
        if old is None:
            return False
        del self._objects[key]
        self._tell(key, old, None)
        return True

    def sweep(self, listing: Listing) -> None:
        """Compare with a complete list, which heals a deletion that the watch lost.

        What is newer in the list is taken; what was there before the list and is not in it is gone.
        A list from before the last one means that the server's history went back (a restored
        backup): then the list alone is the truth.
        """
        at = int(listing.resource_version)
        restored = at < self._floor
        listed = {key_of(item) for item in listing.items}
        for key, old in [*self._objects.items()]:
            if restored or (key not in listed and version_of(old) <= at):
                del self._objects[key]
                self._tell(key, old, None)
        self._floor = 0
        self._tombstones = {k: v for k, v in self._tombstones.items() if v > at and not restored}
        for item in listing.items:
            self.put(item)
        self._floor = at
        self.synced = True

    def _tell(self, key: Key, old: Object | None, new: Object | None) -> None:
        for listener in self._listeners:
            listener(key, old, new)
