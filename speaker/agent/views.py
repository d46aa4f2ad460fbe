"""The VirtualIPs that name this node, as the plan needs them, and when a new plan is wanted."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.reading.objects import named_after_address, virtual_ip_view
from lbctl.kube.informer import Change
from lbctl.kube.objects import Key
from speaker.agent.local import Port, port_of

_HINT_SECONDS: Final = 5.0
"""Who holds, by the API, is a hint to the wire: no plan is made at once for that alone."""


class Views:
    """What the API server says that this node is to do.

    Args:
        node: this one.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._views: dict[Key, VirtualIPView] = {}
        self._hint: asyncio.TimerHandle | None = None
        self.replan = asyncio.Event()
        """Something that the plan depends on has changed."""

    def __iter__(self) -> Iterator[VirtualIPView]:
        return iter(self._views.values())

    def __len__(self) -> int:
        return len(self._views)

    def changed(self, change: Change) -> VirtualIPView | None:
        """Take a change in; what was known before it."""
        before = self._views.pop(change.key, None)
        if change.new is not None and named_after_address(change.new):
            self._views[change.key] = virtual_ip_view(change.new)
        after = self._views.get(change.key)
        if _planned_part(before) != _planned_part(after):
            self.replan.set()
        elif before and after and before.holder != after.holder and self._hint is None:
            self._hint = asyncio.get_running_loop().call_later(_HINT_SECONDS, self._hint_is_due)
        return before

    def local_ports(self) -> Iterator[Port]:
        """Of the addresses that are only handed on where the Service has an endpoint."""
        for view in self:
            if (port := port_of(view, self._node)) is not None:
                yield port

    def _hint_is_due(self) -> None:
        self._hint = None
        self.replan.set()


def _planned_part(view: VirtualIPView | None) -> VirtualIPView | None:
    """A VirtualIP without what a status write changes: that does not concern the plan."""
    return view and replace(
        view,
        resource_version="",
        holder=None,
        released=None,
        conflict=None,
        ever_held=False,
        answered_by_another="",
    )
