"""The one way to the API server: dicts in, dicts out, typed errors, preconditions on writes.

This is a thin layer over aiohttp, which kopf and the health server bring anyway. Three needs shape
it. Deletes must carry uid and resourceVersion. Watches must show bookmarks and lines as they come.
A thousand Services must not cost the operator seconds of CPU in an HTTP stack.

Nothing here repeats a request by itself, except once after a 401 with a token read anew: a write
that was not answered may have happened, and only the caller knows how to find out.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import aiohttp

from lbctl.kube.errors import ApiError, Unavailable, from_status
from lbctl.kube.login import Login
from lbctl.kube.objects import Kind, Object, slim

Answered = Callable[[str, int | None, float], None]
"""Told of each request: its method (`WATCH` for that kind of GET), the status code or None when
nothing came back, and the seconds that it took to the head of the answer."""
PatchType = Literal["merge", "json"]
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]

_CONTENT_TYPES: dict[PatchType, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}
_UNAUTHORIZED = 401
_ERRORS = 400


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for the API server, in seconds."""

    connect: float = 5.0
    """For a TCP and TLS connection."""
    request: float = 15.0
    """For one request from start to end; a watch is exempt."""
    watch_silence: float = 75.0
    """For the next line of a watch. Bookmarks come every minute, so silence means a dead path."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a kind as they were at one resourceVersion."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch. A BOOKMARK's object has only the resourceVersion to go on from."""

    type: EventType
    object: Object


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind to list and watch; the server does the filtering."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""

    def params(self) -> dict[str, str]:
        """The query parameters of the two selectors."""
        chosen = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: value for name, value in chosen.items() if value}


EVERYTHING = Selection()


class Client:
    """A connection pool to one API server. Use as ``async with Client(login) as client``."""

    def __init__(
        self,
        login: Login,
        *,
        timeouts: Timeouts = Timeouts(),
        user_agent: str = "lbctl",
        answered: Answered | None = None,
    ) -> None:
        self.login = login
        self.timeouts = timeouts
        self._user_agent = user_agent
        self._answered = answered
        self._limits = aiohttp.ClientTimeout(total=timeouts.request, sock_connect=timeouts.connect)
        self._session: aiohttp.ClientSession | None = None
        self.server_date = ""
        """The header ``Date`` of the last answer (RFC 9110 section 6.6.1): the server's clock."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self.login.ssl_context(), limit=0, limit_per_host=64
            ),
            headers={"Accept": "application/json", "User-Agent": self._user_agent},
            raise_for_status=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # ------------------------------------------------------------------ reading

    async def get(self, kind: Kind, name: str, *, namespace: str = "") -> Object:
        """Read one object. Raises NotFound."""
        return slim(await self._request("GET", kind.path(namespace=namespace, name=name)))

    async def list(
        self,
        kind: Kind,
        selection: Selection = EVERYTHING,
        *,
        page: int = 500,
        project: Callable[[Object], Object] = slim,
    ) -> Listing:
        """Read all objects of the selection, in pages, as of one resourceVersion.

        `project` keeps what is needed of each object, so that only one page is there in full.

        Items of a list bear neither ``kind`` nor ``apiVersion``: that is the server's format.
        """
        path = kind.path(namespace=selection.namespace)
        params = {**selection.params(), "limit": str(page)}
        items: list[Object] = []
        while True:
            body = await self._request("GET", path, params=params)
            items += [project(item) for item in body.get("items") or []]
            meta = body["metadata"]
            if not meta.get("continue"):
                return Listing(items, str(meta.get("resourceVersion") or "0"))
            params["continue"] = meta["continue"]

    async def watch(
        self,
        kind: Kind,
        selection: Selection = EVERYTHING,
        *,
        resource_version: str,
        seconds: int,
    ) -> AsyncIterator[WatchEvent]:
        """Follow the changes after a resourceVersion. Ends quietly when the server ends it.

        Args:
            kind: what to watch.
            selection: which of them.
            resource_version: where to go on from: a listing's, an event's or a bookmark's.
            seconds: how long the server lets it run; its end then proves the path alive.

        Raises:
            Expired: the resourceVersion is too old: list again.
            Unavailable: the connection broke or stayed silent.
        """
        params = {
            **selection.params(),
            "watch": "1",
            "allowWatchBookmarks": "1",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        timeout = aiohttp.ClientTimeout(
            sock_connect=self.timeouts.connect, sock_read=self.timeouts.watch_silence
        )
        path = kind.path(namespace=selection.namespace)
        try:
            response = await self._send("GET", path, params=params, limits=timeout)
            try:
                async for line in _lines(response.content):
                    yield _watch_event(json.loads(line))
            finally:
                response.close()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"watch of {kind.plural}: {_said(error)}") from error

    # ------------------------------------------------------------------ writing

    async def create(self, kind: Kind, obj: Object) -> Object:
        """Create an object; its name is the lock. Raises AlreadyExists."""
        namespace = obj["metadata"].get("namespace") or ""
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        return slim(await self._request("POST", kind.path(namespace=namespace), body=body))

    async def replace(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        """Write an object as a whole. Raises Conflict unless its resourceVersion is the newest."""
        meta = obj["metadata"]
        if not meta.get("resourceVersion"):
            raise ValueError("replace needs metadata.resourceVersion: it is the precondition")
        path = kind.path(
            namespace=meta.get("namespace") or "", name=meta["name"], subresource=subresource
        )
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        return slim(await self._request("PUT", path, body=body))

    async def replace_status(self, kind: Kind, obj: Object) -> Object:
        """Write an object's status, with its resourceVersion as the precondition."""
        return await self.replace(kind, obj, subresource="status")

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Any,
        *,
        namespace: str = "",
        subresource: str = "",
        patch_type: PatchType = "merge",
    ) -> Object:
        """Patch an object. A ``metadata.resourceVersion`` in a merge patch is its precondition."""
        path = kind.path(namespace=namespace, name=name, subresource=subresource)
        return slim(
            await self._request("PATCH", path, body=patch, content_type=_CONTENT_TYPES[patch_type])
        )

    async def patch_status(
        self,
        kind: Kind,
        name: str,
        status: Object,
        *,
        resource_version: str,
        namespace: str = "",
        annotations: Mapping[str, str | None] | None = None,
    ) -> Object:
        """Merge into an object's status if the object is still the one that was read.

        Lists are replaced as a whole, ``None`` removes a field. The API server takes annotations
        along with the status. Raises Conflict, NotFound.
        """
        meta: Object = {"resourceVersion": resource_version}
        if annotations:
            meta["annotations"] = dict(annotations)
        patch = {"metadata": meta, "status": status}
        return await self.patch(kind, name, patch, namespace=namespace, subresource="status")

    async def delete(
        self,
        kind: Kind,
        name: str,
        *,
        namespace: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> None:
        """Delete an object if it is still the one that was read.

        Raises:
            NotFound: it is gone already.
            Conflict: uid or resourceVersion differ.
        """
        wanted = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {name: value for name, value in wanted.items() if value}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        await self._request("DELETE", kind.path(namespace=namespace, name=name), body=options)

    # ------------------------------------------------------------------ streams

    async def stream(
        self, path: str, *, params: Sequence[tuple[str, str]], protocols: Sequence[str]
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket, for what goes both ways. Close it when done.

        Raises:
            ApiError: the server did not let it; in its words of HTTP, for there are no others.
        """
        if self._session is None:
            raise RuntimeError("the client is not open: use it as 'async with Client(...)'")
        try:
            return await self._session.ws_connect(
                self.login.server + path,
                params=params,
                protocols=protocols,
                # Of what it streams the server has no JSON to offer: it would say 406.
                headers={**await self._headers(fresh=False), "Accept": "*/*"},
                server_hostname=self.login.server_name,
                proxy=self.login.proxy or None,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            words = f"{path}: HTTP {error.status}"
            raise from_status({"message": words}, code=error.status) from error

    # ------------------------------------------------------------------ transport

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        try:
            response = await self._send(
                method, path, params=params, body=body, content_type=content_type
            )
            async with response:
                return cast("Object", json.loads(await response.read()))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{method} {path}: {_said(error)}") from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        limits: aiohttp.ClientTimeout | None = None,
    ) -> aiohttp.ClientResponse:
        """Send; hand back the open response, or raise the server's error with its words."""
        if self._session is None:
            raise RuntimeError("the client is not open: use it as 'async with Client(...)'")
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        for fresh_token in (False, True):
            headers = await self._headers(fresh=fresh_token)
            if data is not None:
                headers["Content-Type"] = content_type
            response = await self._counted(
                "WATCH" if params and "watch" in params else method,
                self._session.request(
                    method,
                    self.login.server + path,
                    params=params,
                    data=data,
                    headers=headers,
                    server_hostname=self.login.server_name,
                    timeout=limits or self._limits,
                    proxy=self.login.proxy or None,
                ),
            )
            self.server_date = response.headers.get("Date", "")
            if response.status != _UNAUTHORIZED or self.login.token is None or fresh_token:
                break
            response.release()
        else:  # pragma: no cover - the second round always breaks
            raise AssertionError
        if response.status < _ERRORS:
            return response
        async with response:
            raise _failure(response, await response.read())

    async def _counted(
        self, method: str, request: Awaitable[aiohttp.ClientResponse]
    ) -> aiohttp.ClientResponse:
        """Tell who counts of one request.

        One that this process gave up itself says nothing about the server, and is not told.
        """
        begun = time.monotonic()
        try:
            response = await request
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._tell(method, None, begun)
            raise
        except RuntimeError as error:
            # uvloop, when a socket is closed while it is being connected (its issues 506 and 738).
            if self._session is None or self._session.closed:
                raise
            self._tell(method, None, begun)
            raise aiohttp.ClientConnectionError(str(error)) from error
        self._tell(method, response.status, begun)
        return response

    def _tell(self, method: str, code: int | None, begun: float) -> None:
        if self._answered is not None:
            self._answered(method, code, time.monotonic() - begun)

    async def _headers(self, *, fresh: bool) -> dict[str, str]:
        token = self.login.token
        return {} if token is None else {"Authorization": f"Bearer {token.current(fresh=fresh)}"}


def _failure(response: aiohttp.ClientResponse, body: bytes) -> ApiError:
    try:
        status = json.loads(body)
    except ValueError:
        status = {}
    if not isinstance(status, dict) or status.get("kind") != "Status":
        status = {}
    try:
        retry_after = float(response.headers.get("Retry-After", "0"))
    except ValueError:
        retry_after = 0.0
    return from_status(status, code=response.status, retry_after=retry_after)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Split a stream into lines of any length (``readline`` gives up on lines over its buffer)."""
    rest = bytearray()
    async for chunk in content.iter_any():
        rest += chunk
        *lines, tail = rest.split(b"\n")
        rest = tail
        for line in lines:
            if line:
                yield bytes(line)


def _watch_event(raw: Object) -> WatchEvent:
    if raw["type"] == "ERROR":
        raise from_status(raw["object"], code=int(raw["object"].get("code") or 500))
    return WatchEvent(raw["type"], slim(raw["object"]))


def _said(error: BaseException) -> str:
    """An exception in words: some of asyncio's and aiohttp's have none."""
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
