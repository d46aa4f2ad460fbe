"""Sees every state of every Service and VirtualIP, and judges their order afterwards.

A look at the end cannot tell whether two Services showed one address for a moment. The API server's
own history can: all objects share the numbers of its revisions, so two watches together are one
story.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from lbctl.kube.login import from_kubeconfig
from tests.cluster.background import Background
from tests.cluster.oracle import NAMESPACE

Object = dict[str, Any]

_PATHS = {
    "Service": f"/api/v1/namespaces/{NAMESPACE}/services",
    "VirtualIP": "/apis/lbctl.io/v1beta1/virtualips",
}


class Witness(Background):
    """Watches from its beginning to its end. `judge` says whether all was right."""

    def __init__(self, kubeconfig: Path) -> None:
        super().__init__()
        self._login = from_kubeconfig(kubeconfig)
        self._history: dict[tuple[int, str], tuple[str, str, Object]] = {}
        """By revision and uid: all that a gap hid is found gone at one revision."""
        self._known: dict[str, dict[str, Object]] = {}
        self.gaps = 0
        """How often the history was lost; then some states were not seen."""

    def judge(self, *, exempt: tuple[str, ...] = ()) -> None:
        """Assert that no address was given twice, lost, or shown before it was taken, so far.

        Args:
            exempt: names of Services whose status the test itself wrote.
        """
        self.do(self._catch_up())
        assert self._history, "there is nothing to judge"
        story = _Story({*exempt}, whole=not self.gaps)
        for (revision, _), (event, kind, obj) in sorted(self._history.items()):
            story.tell(revision, kind, obj, gone=event == "DELETED")

    async def _begin(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(ssl=self._login.ssl_context()),
            timeout=ClientTimeout(total=None, sock_read=None),
        )
        versions = [await self._list(kind) for kind in _PATHS]
        self._watches = [
            asyncio.create_task(self._follow(kind, version))
            for kind, version in zip(_PATHS, versions, strict=True)
        ]

    async def _end(self) -> None:
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        await self._session.close()

    async def _catch_up(self) -> None:
        while not all([await self._caught_up(kind) for kind in _PATHS]):
            for watch in self._watches:
                assert not watch.done(), f"a watch of the witness has ended: {watch}"
            await asyncio.sleep(0.1)

    async def _caught_up(self, kind: str) -> bool:
        """Whether all that there is now was seen, as it is now."""
        items, _ = await self._items(kind)
        return _versions(items) == _versions(self._known.get(kind, {}))

    async def _items(self, kind: str) -> tuple[dict[str, Object], int]:
        async with self._session.get(self._login.server + _PATHS[kind], headers=self._head) as got:
            got.raise_for_status()
            listing = await got.json()
        items = {item["metadata"]["uid"]: item for item in listing["items"]}
        return items, int(listing["metadata"]["resourceVersion"])

    async def _list(self, kind: str) -> str:
        items, version = await self._items(kind)
        for uid, gone in [*self._known.get(kind, {}).items()]:
            if uid not in items:
                self._note("DELETED", kind, gone, version)
        for item in items.values():
            self._note("ADDED", kind, item, int(item["metadata"]["resourceVersion"]))
        return str(version)

    @property
    def _head(self) -> dict[str, str]:
        token = self._login.token
        return {} if token is None else {"Authorization": f"Bearer {token.current()}"}

    async def _follow(self, kind: str, version: str) -> None:
        while True:
            with contextlib.suppress(ClientError, OSError, json.JSONDecodeError):
                if not version:
                    self.gaps += 1
                    version = await self._list(kind)
                async for event in self._events(kind, version):
                    if event["type"] == "ERROR":
                        version = ""
                        break
                    version = str(event["object"]["metadata"]["resourceVersion"])
                    self._note(event["type"], kind, event["object"], int(version))
            await asyncio.sleep(0.1)

    async def _events(self, kind: str, version: str) -> AsyncIterator[Object]:
        query = {"watch": "1", "resourceVersion": version}
        url = self._login.server + _PATHS[kind]
        async with self._session.get(url, params=query, headers=self._head) as answer:
            if answer.status == 410:
                yield {"type": "ERROR"}
                return
            answer.raise_for_status()
            while line := await answer.content.readline():
                yield json.loads(line)

    def _note(self, event: str, kind: str, obj: Object, version: int) -> None:
        self._history.setdefault((version, obj["metadata"]["uid"]), (event, kind, obj))
        of_kind = self._known.setdefault(kind, {})
        if event == "DELETED":
            of_kind.pop(obj["metadata"]["uid"], None)
        else:
            of_kind[obj["metadata"]["uid"]] = obj


class _Story:
    """What is so at one revision, told one change at a time."""

    def __init__(self, exempt: set[str], *, whole: bool) -> None:
        self._exempt = exempt
        self._whole = whole
        self._shown: dict[str, set[str]] = {}
        """By uid of the Service."""
        self._owner: dict[str, str | None] = {}
        """By address: the uid that its VirtualIP names."""

    def tell(self, revision: int, kind: str, obj: Object, *, gone: bool) -> None:
        if kind == "VirtualIP":
            self._virtual_ip(revision, obj, gone=gone)
        else:
            self._service(revision, obj, gone=gone)

    def _virtual_ip(self, revision: int, obj: Object, *, gone: bool) -> None:
        address = obj["spec"]["address"]
        if gone:
            self._owner.pop(address, None)
            return
        services = obj["spec"].get("services") or []
        uid = services[0]["uid"] if services else None
        before = self._owner.get(address)
        assert before is None or uid is None or uid == before, (
            f"{revision}: {address} went from {before} to {uid} and was not free between"
        )
        self._owner[address] = uid

    def _service(self, revision: int, obj: Object, *, gone: bool) -> None:
        uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
        before = self._shown.pop(uid, set())
        if gone or obj["spec"]["type"] != "LoadBalancer":
            return
        now = set(_addresses(obj))
        if name not in self._exempt:
            assert before <= now, f"{revision}: {name} lost {before - now}"
            for address in now - before if self._whole else ():
                assert self._owner.get(address) == uid, f"{revision}: {name} shows {address} early"
            for other, shown in self._shown.items():
                assert not now & shown, f"{revision}: {name} and {other} show {now & shown}"
        self._shown[uid] = now


def _versions(items: dict[str, Object]) -> set[tuple[str, str]]:
    return {(uid, item["metadata"]["resourceVersion"]) for uid, item in items.items()}


def _addresses(service: Object) -> Iterator[str]:
    for entry in service["status"]["loadBalancer"].get("ingress") or []:
        yield entry["ip"]
