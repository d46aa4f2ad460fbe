"""An API server in memory, behind the operator's own client: names, versions and news.

It answers as the real one does in what the operator relies on: a name is created once, a write
needs the newest resourceVersion, a write that changes nothing makes no version, `status` is written
apart from the rest, and each change is told once, in order, to whoever asks. (That the real one
does so is shown by tests/cluster.)
"""

from copy import deepcopy
from typing import Any, NamedTuple

from lbctl.kube.client import Client, Listing
from lbctl.kube.errors import AlreadyExists, Conflict, NotFound
from lbctl.kube.login import Login
from lbctl.kube.objects import Key, Kind, Object
from lbctl.world.mirrors import SELECTIONS

_KINDS = {kind.plural: kind for kind in SELECTIONS}


class News(NamedTuple):
    """One line of a watch."""

    kind: Kind
    gone: bool
    obj: Object


class MemoryServer(Client):
    """The objects, by kind and name, and all that happened to them."""

    def __init__(self) -> None:
        super().__init__(Login("memory"))
        self.objects: dict[tuple[Kind, Key], Object] = {}
        self.news: list[News] = []

    @property
    def version(self) -> int:
        """The newest resourceVersion: grows with each change."""
        return len(self.news)

    def of(self, kind: Kind) -> list[Object]:
        return [obj for (one, _), obj in self.objects.items() if one is kind]

    def listing(self, kind: Kind) -> Listing:
        return Listing(deepcopy(self.of(kind)), str(self.version))

    def put(self, kind: Kind, obj: Object) -> Object:
        """Write an object as whoever may write all of it, like a person with two commands."""
        meta = obj["metadata"]
        key = Key(meta.get("namespace") or "", meta["name"])
        old = self.objects.get((kind, key))
        if old is not None and _content(old) == _content(obj):
            return deepcopy(old)
        born: Object = {
            "uid": f"uid-{self.version}",
            "creationTimestamp": f"2026-01-01T{self.version:06}Z",
            "generation": 0,
        }
        known = born if old is None else {name: old["metadata"][name] for name in born}
        changed = old is None or old.get("spec") != obj.get("spec")
        known["generation"] += changed
        stored = deepcopy(obj)
        stored["metadata"] |= {**known, "resourceVersion": str(self.version + 1)}
        self.objects[kind, key] = stored
        self.news.append(News(kind, gone=False, obj=deepcopy(stored)))
        return deepcopy(stored)

    def take_out(self, kind: Kind, key: Key) -> None:
        gone = deepcopy(self.objects.pop((kind, key)))
        gone["metadata"]["resourceVersion"] = str(self.version + 1)
        self.news.append(News(kind, gone=True, obj=gone))

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        del params, content_type
        kind, key, subresource = _parse(path)
        if method == "POST":
            key = Key(key.namespace, body["metadata"]["name"])
            if (kind, key) in self.objects:
                raise AlreadyExists(path)
            return self.put(kind, {name: body[name] for name in ("metadata", "spec")})
        old = self.objects.get((kind, key))
        if old is None:
            raise NotFound(path)
        match method:
            case "GET":
                return deepcopy(old)
            case "DELETE":
                _require(old, body["preconditions"])
                self.take_out(kind, key)
                return {"metadata": {}}
            case "PUT":
                _require(old, body["metadata"])
                return self.put(kind, {**body, "status": old.get("status") or {}})
            case "PATCH" if subresource == "status":
                _require(old, body["metadata"])
                status = _merged(old.get("status") or {}, body["status"])
                return self.put(kind, {**old, "status": status})
        raise NotImplementedError(method, path)


def _parse(path: str) -> tuple[Kind, Key, str]:
    """`/api/v1/...` or `/apis/group/version/...`; then a namespace, or none."""
    parts = path.split("/")
    parts = parts[3:] if parts[1] == "api" else parts[4:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource, *_ = *parts, "", ""
    return _KINDS[plural], Key(namespace, name), subresource


def _require(old: Object, said: Object) -> None:
    for name in ("uid", "resourceVersion"):
        if said.get(name) not in {None, old["metadata"][name]}:
            raise Conflict(name)


def _merged(old: Object, patch: Object) -> Object:
    """A merge patch (RFC 7396), of as many levels as a status has here."""
    found = {**old}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            found[name] = _merged(found.get(name) or {}, value)
        else:
            found[name] = value
    return found


_KEPT_BY_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp")


def _content(obj: Object) -> object:
    """All but what the server itself writes."""
    meta = {k: v for k, v in obj["metadata"].items() if k not in _KEPT_BY_THE_SERVER}
    return meta, obj.get("spec"), obj.get("status") or {}
