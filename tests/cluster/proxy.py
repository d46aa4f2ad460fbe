"""A door to the API server that answers wrongly, not at all, or ends the caller, when told to.

It stands between an operator and the real API server, speaks plain HTTP on 127.0.0.1, and asks a
script about each call before it lets it through. What it forwards it changes in nothing.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, assert_never

import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from lbctl.kube.login import from_kubeconfig
from tests.cluster.background import Background

_END_TO_END = ("content-type", "accept", "retry-after", "user-agent")


@dataclass(frozen=True)
class Call:
    """One request of the operator."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    at: float = field(default_factory=monotonic, compare=False)

    @property
    def is_watch(self) -> bool:
        return "watch=" in self.query

    @property
    def is_election(self) -> bool:
        """A look at the operators' Lease, or its renewal: they come all the time."""
        return "/leases/lbctl-operator" in self.path or (
            self.method == "POST" and self.path.endswith("/leases")
        )

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and not self.is_watch and self._parts[1:] == []

    @property
    def deed(self) -> str:
        """What is done to which kind, as in `PATCH services/status`."""
        kind, *name = self._parts
        method = "WATCH" if self.is_watch else "LIST" if self.is_list else self.method
        return f"{method} {'/'.join([kind, *name[1:]])}"

    @property
    def _parts(self) -> list[str]:
        """The kind, the name and the subresource."""
        parts = self.path.strip("/").split("/")
        skipped = 2 if parts[0] == "api" else 3
        if "namespaces" in parts and parts[-2:-1] != ["namespaces"]:
            skipped += 2
        return parts[skipped:] or ["discovery"]

    def __str__(self) -> str:
        return f"{self.deed} ({self.path})"


@dataclass(frozen=True)
class Refuse:
    """Answer so, and do not ask the API server."""

    code: int
    reason: str
    retry_after: int | None = None


@dataclass(frozen=True)
class Cut:
    """Break the connection, before the API server is asked or after it has done the work."""

    done: bool


@dataclass(frozen=True)
class Kill:
    """Let the API server do the work, and end the operator before it hears of it."""


@dataclass(frozen=True)
class Expire:
    """Accept a watch, and say in its first line that the history is gone."""


Fault = Refuse | Cut | Kill | Expire
Script = Callable[[Call], Fault | None]
"""Asked for each call, in the order in which they come."""


class Proxy(Background):
    """The door. `script` says what becomes of a call, `victim` ends the operator.

    Args:
        kubeconfig: of an administrator.
        folder: where to write a kubeconfig that leads here.
    """

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        super().__init__()
        self.kubeconfig = folder / "through-the-proxy.yaml"
        self.victim: Callable[[], None] = lambda: None
        self.killed = threading.Event()
        self._login = from_kubeconfig(kubeconfig)
        self._script: Script = lambda _: None
        self._calls: list[Call] = []
        self._struck: list[tuple[Call, Fault]] = []
        self._lock = threading.Lock()

    def play(self, script: Script) -> None:
        """Forget what was called, and let another script speak from now on."""
        with self._lock:
            self._script, self._calls, self._struck = script, [], []
        self.killed.clear()

    @property
    def calls(self) -> list[Call]:
        """All since the script began."""
        with self._lock:
            return [*self._calls]

    @property
    def struck(self) -> list[tuple[Call, Fault]]:
        """The calls that the script spoiled."""
        with self._lock:
            return [*self._struck]

    async def _begin(self) -> None:
        self._out = ClientSession(
            connector=TCPConnector(ssl=self._login.ssl_context(), limit=0),
            timeout=ClientTimeout(total=None),
            auto_decompress=False,
        )
        application = web.Application(client_max_size=16 * 2**20)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        _, port = self._runner.addresses[0][:2]
        self.kubeconfig.write_text(_kubeconfig(port))

    async def _end(self) -> None:
        await self._runner.cleanup()
        await self._out.close()

    def _ask(self, call: Call) -> Fault | None:
        with self._lock:
            self._calls.append(call)
            fault = self._script(call)
            if fault is not None:
                self._struck.append((call, fault))
            return fault

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = Call(request.method, request.path, request.query_string, body.decode())
        fault = self._ask(call)
        match fault:
            case None:
                return await self._forward(request, body)
            case Refuse(code, reason, retry_after):
                headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
                return web.json_response(_status(code, reason), status=code, headers=headers)
            case Expire():
                line = {"type": "ERROR", "object": _status(410, "Expired")}
                return web.Response(text=json.dumps(line) + "\n", content_type="application/json")
            case Cut(done):
                if done:
                    await self._done(request, body)
                return _broken(request)
            case Kill():
                if not call.is_watch:
                    await self._done(request, body)
                await asyncio.get_running_loop().run_in_executor(None, self._kill)
                return _broken(request)
            case _:
                assert_never(fault)

    def _kill(self) -> None:
        # Not in the handler: the death of who called ends that.
        self.victim()
        self.killed.set()

    async def _done(self, request: web.Request, body: bytes) -> None:
        async with self._out.request(**self._onward(request, body)) as answer:
            await answer.read()

    def _onward(self, request: web.Request, body: bytes) -> dict[str, Any]:
        """The same request, to the API server."""
        headers = {n: v for n, v in request.headers.items() if n.lower() in _END_TO_END}
        if self._login.token is not None:
            headers["Authorization"] = f"Bearer {self._login.token.current()}"
        return {
            "method": request.method,
            "url": self._login.server + request.raw_path,
            "data": body or None,
            "headers": headers,
            "server_hostname": self._login.server_name,
        }

    async def _forward(self, request: web.Request, body: bytes) -> web.StreamResponse:
        try:
            async with self._out.request(**self._onward(request, body)) as answer:
                headers = {n: v for n, v in answer.headers.items() if n.lower() in _END_TO_END}
                if "watch=" not in request.query_string:
                    return web.Response(
                        body=await answer.read(), status=answer.status, headers=headers
                    )
                response = web.StreamResponse(status=answer.status, headers=headers)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response
        except (ClientError, OSError):
            return _broken(request)


def _broken(request: web.Request) -> web.Response:
    """What the caller gets: nothing."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _status(code: int, reason: str) -> dict[str, object]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f"the test's proxy says {code} {reason}",
        "reason": reason,
        "code": code,
    }


def _kubeconfig(port: int) -> str:
    named = {
        "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "x", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }
    return yaml.safe_dump({**named, "current-context": "x"})
