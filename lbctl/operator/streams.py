"""The kopf app: its watch streams feed the mirrors, and that is all that its handlers do.

kopf loses deletions when it has to list anew (HTTP 410): it emits what exists and never compares.
So a listed object that arrives after the first list asks for a sweep, which does compare.
Its high-level handlers, indices, finalizers and peering are not used: they write to users' objects
or do not do what their names promise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import Any

import kopf

from lbctl.kube.login import Login
from lbctl.kube.objects import Kind, slim
from lbctl.kube.store import Store
from lbctl.operator.stateless import NoDiffBase, NoProgress
from lbctl.world.mirrors import SELECTIONS
from lbctl.world.world import World

log = logging.getLogger(__name__)


class Patience(Iterable[float]):
    """Pauses between attempts of a list or watch that the API server refuses, without end.

    kopf gives up after the last one and ends the process. That would mend nothing: an API server
    that is overloaded, or whose etcd is away, refuses the next process too, and a standby that
    waits has its mirrors.
    """

    def __iter__(self) -> Iterator[float]:
        return chain((1.0, 1.0, 2.0, 3.0, 5.0), repeat(10.0))


def registry(world: World, login: Login, relisted: Callable[[], None]) -> kopf.OperatorRegistry:
    """The handlers, in a registry of their own.

    Args:
        world: whose mirrors to feed.
        login: how to reach the API server.
        relisted: called when a stream had to list anew, so that a deletion may have been lost.
    """
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(_login(login))
    for kind, store in world.stores.items():
        kopf.on.event(kind.group, kind.version, kind.plural, id=kind.plural, registry=handlers)(
            _mirror(store, relisted)
        )
    return handlers


def settings() -> kopf.OperatorSettings:
    """Kopf's settings: streams that notice a dead path, and no writes of its own."""
    chosen = kopf.OperatorSettings()
    chosen.peering.standalone = True
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.watching.server_timeout = 300
    chosen.watching.chunk_size = 500
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = 5
    chosen.networking.error_backoffs = Patience()
    # An event's worker is idle at once; kopf keeps a task for each object until then.
    chosen.queueing.idle_timeout = 0.5
    chosen.persistence.diffbase_storage = NoDiffBase()
    chosen.persistence.progress_storage = NoProgress()
    for kind, selection in SELECTIONS.items():
        if selection.fields:
            chosen.watching.field_selectors[_name(kind)] = selection.fields
        if selection.labels:
            chosen.watching.label_selectors[_name(kind)] = selection.labels
    return chosen


def _name(kind: Kind) -> tuple[str, str, str]:
    return (kind.group, kind.version, kind.plural)


def _mirror(store: Store, relisted: Callable[[], None]) -> Callable[..., Any]:
    async def mirror(event: kopf.RawEvent, **_: Any) -> None:
        obj = slim({**event["object"], "metadata": {**event["object"]["metadata"]}})
        if event["type"] == "DELETED":
            store.remove(obj)
        elif store.put(obj) and event["type"] is None and store.synced:
            relisted()

    return mirror


def _login(login: Login) -> Callable[..., Any]:
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=login.server,
            ca_path=login.ca_file,
            ca_data=login.ca_data or None,
            insecure=login.insecure,
            token=None if login.token is None else login.token.current(fresh=True),
            certificate_data=login.certificate or None,
            private_key_data=login.private_key or None,
            default_namespace=login.namespace,
        )

    return log_in
