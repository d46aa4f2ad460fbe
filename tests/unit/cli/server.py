"""An API server that lists a snapshot's objects over real HTTP, in a thread of its own.

It takes writes as well: a test may play the operator that answers them.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from lbctl.cli.snapshot import DEPLOYMENTS, Snapshot
from lbctl.core.labels import OPERATOR_LEASE
from lbctl.kube.objects import LEASES, NODES, POOLS, VIRTUAL_IPS, Kind

_WRITTEN = (NODES, POOLS, VIRTUAL_IPS)
DATE = "Sun, 01 Mar 2026 03:00:00 GMT"


class Server:
    """Answers lists. What is in ``forbidden`` is refused as the API server refuses it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.forbidden: set[str] = set()
        """The plurals that may not be listed in all namespaces."""
        self.forbidden_everywhere = False
        """Whether these may not be listed in single namespaces either."""
        self.unserved: set[str] = set()
        self.unauthorized = False
        self.read_only = False
        self.webhook: tuple[int, str] | None = None
        """What a webhook that refuses all writes says: the code and the reason."""
        self.conflicts = 0
        """So many writes come after somebody else's."""
        self.failing = 0
        """So many requests are answered with 503."""
        self.token = "secret"
        self.requests: list[str] = []
        self.writes: list[tuple[str, str, Any]] = []
        """Method, path and body of each write."""
        self.written: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot
        """What others make of it after each write."""
        self.url = ""
        self.page = b""
        """What is answered to all reading, if anything."""
        self._version = 10_000

    def answer(self, target: str, authorization: str) -> tuple[int, Any]:
        self.requests.append(target)
        if self.failing:
            self.failing -= 1
            return _status(503, "ServiceUnavailable", "it restarts")
        url = urlsplit(target)
        if self.unauthorized or authorization != f"Bearer {self.token}":
            return _status(401, "Unauthorized", "Unauthorized")
        plural = url.path.rpartition("/")[2]
        if plural in self.unserved:
            return _status(404, "NotFound", "the server could not find the requested resource")
        within = "/namespaces/" in url.path and not self.forbidden_everywhere
        if plural in self.forbidden and not within:
            text = f'{plural} is forbidden: User "jane" cannot list resource "{plural}"'
            return _status(403, "Forbidden", text)
        items = [*self._items(url.path, url.query, plural)]
        return 200, {"metadata": {"resourceVersion": "1000"}, "items": items}

    def write(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """A create, a merge patch or a delete, as the API server does it."""
        parts = path.rstrip("/").split("/")
        found = next(kind for kind in _WRITTEN if kind.plural in parts)
        name = parts[parts.index(found.plural) + 1] if parts[-1] != found.plural else ""
        if self.read_only:
            verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]
            text = f'{found.plural} is forbidden: User "jane" cannot {verb} resource'
            return _status(403, "Forbidden", text)
        if self.webhook is not None:
            text = 'admission webhook "guard" denied the request: ask the night shift'
            return _status(*self.webhook, text)
        if self.conflicts:
            self.conflicts -= 1
            return _status(409, "Conflict", "the object has been modified")
        there = self.snapshot.find(found, name)
        if method != "POST" and there is None:
            return _status(404, "NotFound", f"{name} not found")
        self.writes.append((method, path, body))
        if method == "DELETE":
            left = tuple(one for one in self.snapshot.of(found) if one is not there)
            objects = {**self.snapshot.objects, found: left}
            self.snapshot = self.written(replace(self.snapshot, objects=objects))
            return 200, {"metadata": {}}
        self._version += 1
        meta = {"resourceVersion": str(self._version), "generation": self._version}
        new = _merged(_merged(there or {"metadata": {"uid": "uid-new"}}, body), {"metadata": meta})
        self.snapshot = self.written(self.snapshot.put(found, new))
        return 200, new

    def _items(self, path: str, query: str, plural: str) -> Iterator[Any]:
        if plural == LEASES.plural and OPERATOR_LEASE in query:
            yield self.snapshot.operator_lease
            return
        if plural == DEPLOYMENTS.plural:
            yield deployment()
            return
        parts = path.split("/")
        inside = parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-1] else ""
        for kind, objects in self.snapshot.objects.items():
            if kind.plural == plural and _group(kind) in path:
                for one in objects:
                    if not inside or one["metadata"].get("namespace") == inside:
                        yield one


def _merged(one: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(one) if isinstance(one, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _status(code: int, reason: str, message: str) -> tuple[int, Any]:
    return code, {"kind": "Status", "code": code, "reason": reason, "message": message}


def _group(kind: Kind) -> str:
    return f"/{kind.group}/" if kind.group else "/api/v1/"


def deployment() -> dict[str, Any]:
    args = ["--load-balancer-class=lbctl.io/lbctl", "--default-class", "--no-compat-metallb",
            "--lease-duration-seconds=15"]  # fmt: skip
    return {
        "metadata": {
            "name": "lbctl-operator",
            "namespace": "lbctl-system",
            "labels": {"app.kubernetes.io/version": "1.0.0"},
        },
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"args": args}]}}},
        "status": {"readyReplicas": 2},
    }


@contextmanager
def serving(snapshot: Snapshot) -> Iterator[Server]:
    """Serve until the end of the block."""
    server = Server(snapshot)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(*server.answer(self.path, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            self._send(*server.write(self.command, self.path, json.loads(self.rfile.read(size))))

        do_PATCH = do_DELETE = do_POST  # noqa: N815 - names of the library's

        def _send(self, code: int, body: Any) -> None:
            written = server.page or json.dumps(body).encode()
            self.send_response_only(code)
            self.send_header("Date", DATE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked has heard enough
                self.wfile.write(written)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        host, port = listening.server_address[:2]
        server.url = f"http://{host!s}:{port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def kubeconfig(folder: Path, server: Server, **user: Any) -> Path:
    path = folder / "config"
    content = {
        "current-context": "night",
        "contexts": [
            {"name": "night", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
            {"name": "day", "context": {"cluster": "c", "user": "u"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": user or {"token": server.token}}],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
