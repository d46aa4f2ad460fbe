"""Reads a cluster with the kubeconfig of whoever asks: a fixed set of lists, all at once.

Every command works on such a `Snapshot`. What may not be read is noted by verb, resource and
namespace; the command decides whether it can do without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from typing import TypeVar

from lbctl.cli.access import Access
from lbctl.cli.exits import NotAllowed, Trouble, Unreachable
from lbctl.cli.snapshot import (
    DEFAULT_NAMESPACE,
    DEPLOYMENTS,
    Installation,
    Right,
    Snapshot,
    not_allowed,
    user_of,
)
from lbctl.core.labels import OPERATOR_LEASE, SPEAKER_LABELS
from lbctl.kube import kubeconfig
from lbctl.kube.client import Client, Selection, Timeouts
from lbctl.kube.errors import ApiError, Forbidden, NotFound
from lbctl.kube.login import Login, LoginError
from lbctl.kube.objects import (
    ENDPOINT_SLICES,
    L2_ADVERTISEMENTS,
    LEASES,
    METALLB_L2_ADVERTISEMENTS,
    METALLB_POOLS,
    NAMESPACES,
    NODES,
    POOLS,
    SERVICE_CIDRS,
    SERVICES,
    SPEAKERS,
    VIRTUAL_IPS,
    Kind,
    Object,
)

NEEDED = (POOLS, L2_ADVERTISEMENTS, VIRTUAL_IPS, SPEAKERS)
"""Without these nothing can be said."""
_UNAUTHORIZED = 401
_T = TypeVar("_T")


def _labels(component: str) -> str:
    labels = {**SPEAKER_LABELS, "app.kubernetes.io/component": component}
    return ",".join(f"{name}={value}" for name, value in labels.items())


_LISTS = {
    **{kind: Selection() for kind in NEEDED},
    SERVICES: Selection(fields="spec.type=LoadBalancer"),
    NAMESPACES: Selection(),
    NODES: Selection(),
    SERVICE_CIDRS: Selection(),
    LEASES: Selection(labels=_labels("speaker")),
    DEPLOYMENTS: Selection(labels=_labels("operator")),
}
_OPTIONAL = frozenset({SERVICE_CIDRS})
"""Older API servers do not have them, and nothing is missed."""
_OF_INSTALLATION = frozenset({LEASES, DEPLOYMENTS})
"""What is in lbctl's own namespace alone: found there, nothing is missing."""


def login(access: Access) -> Login:
    """Find the way in that a person means. Raises Unreachable."""
    try:
        found = kubeconfig.find(access.kubeconfig, access.context)
    except LoginError as error:
        raise Unreachable(str(error)) from error
    return replace(found, namespace=access.namespace or found.namespace)


def read(access: Access) -> Snapshot:
    """Read everything that any command needs. Raises Trouble."""
    return connected(access, snapshot)


def connected(access: Access, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """Do something with an open client. Raises Trouble."""
    return asyncio.run(_connected(login(access), access.seconds, work))


def names(access: Access, kind: Kind) -> list[str]:
    """The names of the objects of a kind, in the namespace where it has one. Raises Trouble."""

    async def listed(client: Client) -> list[str]:
        selection = replace(_LISTS.get(kind, Selection()), namespace=client.login.namespace)
        found = await client.list(kind, selection)
        return sorted(one["metadata"]["name"] for one in found.items)

    return connected(access, listed)


async def _connected(login: Login, seconds: float, work: Callable[[Client], Awaitable[_T]]) -> _T:
    timeouts = Timeouts(connect=min(5.0, seconds), request=seconds)
    try:
        async with Client(login, timeouts=timeouts, user_agent="lbctl-cli") as client:
            return await work(client)
    except LoginError as error:
        raise Unreachable(str(error)) from error
    except JSONDecodeError as error:
        raise Unreachable(
            f"{login.server} answers with something that is no JSON: it is no API server, or a "
            "proxy on the way answers in its place"
        ) from error
    except Forbidden as error:
        raise _refused(error) from error
    except ApiError as error:
        raise Unreachable(
            f"the API server at {login.server}: {error}. Is it the right context? "
            "See kubectl config get-contexts"
        ) from error


async def snapshot(client: Client) -> Snapshot:
    """Read a cluster over an open client.

    Raises:
        Trouble: lbctl's own kinds may not be read, or are not there.
        ApiError: no answer.
    """
    reading = _Reading(client)
    await asyncio.gather(reading.take_operator_lease(), *(reading.take(kind) for kind in _LISTS))
    _check(reading)
    deployments = reading.objects.pop(DEPLOYMENTS, ())
    installation = Installation.read(deployments[0]) if deployments else Installation()
    more: list[Awaitable[None]] = []
    if any(_is_local(one) for one in reading.objects.get(SERVICES, ())):
        more.append(reading.take(ENDPOINT_SLICES))
    if namespace := installation.metallb_namespace:
        more += (
            reading.take(kind, Selection(namespace=namespace))
            for kind in (METALLB_POOLS, METALLB_L2_ADVERTISEMENTS)
        )
    await asyncio.gather(*more)
    return Snapshot(
        objects=reading.objects,
        now=_clock(client.server_date),
        installation=installation,
        operator_lease=reading.operator_lease,
        operator_lease_read=reading.operator_lease_read,
        missing=tuple(reading.missing),
        unserved=tuple(reading.unserved),
        server=client.login.server,
        namespace=client.login.namespace,
    )


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    client: Client
    objects: dict[Kind, tuple[Object, ...]] = field(default_factory=dict)
    missing: list[Right] = field(default_factory=list)
    unserved: list[Kind] = field(default_factory=list)
    operator_lease: Object | None = None
    operator_lease_read: bool = False

    async def take(self, kind: Kind, selection: Selection | None = None) -> None:
        """List a kind; in one namespace alone, when all of them may not be listed."""
        chosen = selection or _LISTS.get(kind, Selection())
        try:
            self.objects[kind] = await self._list(kind, chosen)
        except NotFound:
            if kind not in _OPTIONAL:
                self.unserved.append(kind)
        except Forbidden as error:
            right = self._lacking(kind, error, chosen.namespace)
            found = kind.namespaced and not chosen.namespace and await self._nearby(kind, chosen)
            if not found or kind not in _OF_INSTALLATION:
                self.missing.append(right)

    async def take_operator_lease(self) -> None:
        """The Lease by which the operators elect, wherever it is."""
        by_name = Selection(fields=f"metadata.name={OPERATOR_LEASE}")
        try:
            found = await self._list(LEASES, by_name)
        except (Forbidden, NotFound):
            await self._guess_operator_lease(by_name)
        else:
            self.operator_lease = next(iter(found), None)
            self.operator_lease_read = True

    async def _guess_operator_lease(self, by_name: Selection) -> None:
        """Look where lbctl may be installed. That it is not there says nothing."""
        for namespace in self._places():
            try:
                found = await self._list(LEASES, replace(by_name, namespace=namespace))
            except (Forbidden, NotFound):
                continue
            if found:
                self.operator_lease, self.operator_lease_read = found[0], True
                return

    async def _nearby(self, kind: Kind, selection: Selection) -> bool:
        """List a kind in single namespaces. Returns whether something was found there."""
        places = self._places() if kind in _OF_INSTALLATION else [self.client.login.namespace]
        for namespace in places:
            try:
                found = await self._list(kind, replace(selection, namespace=namespace))
            except (Forbidden, NotFound):
                continue
            self.objects[kind] = found
            if found:
                return True
        return False

    def _places(self) -> list[str]:
        """The namespaces where lbctl may be installed, as far as can be guessed."""
        return [*dict.fromkeys((DEFAULT_NAMESPACE, self.client.login.namespace))]

    async def _list(self, kind: Kind, selection: Selection) -> tuple[Object, ...]:
        return tuple((await self.client.list(kind, selection)).items)

    def _lacking(self, kind: Kind, error: Forbidden, namespace: str) -> Right:
        """The right that is missing; who is not logged in at all has no use for one."""
        if error.code == _UNAUTHORIZED:
            raise error
        return Right("list", kind, namespace, user_of(str(error)))


def _check(reading: _Reading) -> None:
    """Without lbctl's own kinds there is nothing to say."""
    if gone := [kind.kind for kind in reading.unserved if kind in NEEDED]:
        raise Unreachable(
            f"the cluster has no {', '.join(gone)}: lbctl is not installed there, or is being "
            "installed. See kubectl api-resources --api-group=lbctl.io"
        )
    if lacking := [right for right in reading.missing if right.kind in NEEDED]:
        raise NotAllowed(not_allowed(lacking))


def _refused(error: Forbidden) -> Trouble:
    if error.code == _UNAUTHORIZED:
        advice = "Log in again, or choose another --context"
        return Unreachable(f"the API server refuses the login: {error}. {advice}")
    return NotAllowed(str(error))


def _is_local(service: Object) -> bool:
    return (service.get("spec") or {}).get("externalTrafficPolicy") == "Local"


def _clock(date: str) -> datetime:
    """The server's clock, by its last answer; ours when it did not say."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except (TypeError, ValueError):
        return datetime.now(UTC)
