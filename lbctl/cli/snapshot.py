"""What was read of a cluster at one moment, as the API server sent it. Pure: objects, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lbctl.core.objects.services import Ownership
from lbctl.kube.objects import Kind, Object, key_of

DEFAULT_NAMESPACE = "lbctl-system"
DEPLOYMENTS = Kind("apps", "v1", "deployments", "Deployment", namespaced=True)


@dataclass(frozen=True, slots=True)
class Right:
    """A right that the person who asks does not have."""

    verb: str
    kind: Kind
    namespace: str = ""
    """Where it is missing; "" = everywhere."""
    user: str = ""
    """Who has it not, as the API server calls them."""
    subresource: str = ""

    @property
    def resource(self) -> str:
        """As `kubectl create clusterrole --resource` wants it."""
        kind = f"{self.kind.plural}.{self.kind.group}" if self.kind.group else self.kind.plural
        return f"{kind}/{self.subresource}" if self.subresource else kind

    def __str__(self) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        place = f" {where}" if self.kind.namespaced else ""
        return f"{self.verb} {self.resource}{place}"


def granting(rights: Iterable[Right]) -> list[str]:
    """The lines by which an administrator grants these rights."""
    wanted: dict[tuple[str, str], list[Right]] = {}
    for one in rights:
        # A role grants each verb for each resource: what reads is kept apart from what writes.
        role = "lbctl-reader" if one.verb in _READING and not one.subresource else "lbctl-writer"
        wanted.setdefault((one.namespace, role), []).append(one)
    return [line for (place, role), those in wanted.items() for line in _grant(place, role, those)]


_READING = frozenset({"get", "list", "watch"})


def _grant(namespace: str, role: str, rights: Sequence[Right]) -> Iterator[str]:
    resources = ",".join(dict.fromkeys(one.resource for one in rights))
    verbs = ",".join(dict.fromkeys(("get", *(one.verb for one in rights))))
    user = next((one.user for one in rights if one.user), "") or "NAME"
    account = re.fullmatch(r"system:serviceaccount:([^:]+):([^:]+)", user)
    whom = f"--serviceaccount={account[1]}:{account[2]}" if account else f"--user={user}"
    create, kind = (
        (f"kubectl -n {namespace} create", "role")
        if namespace
        else ("kubectl create", "clusterrole")
    )
    yield f"{create} {kind} {role} --verb={verbs} --resource={resources}"
    yield f"{create} {kind}binding {role} --{kind}={role} {whom}"


def not_allowed(rights: Iterable[Right]) -> str:
    """Which rights are missing, and the lines that grant them."""
    lacking = [*rights]
    user = next((f" ({right.user})" for right in lacking if right.user), "")
    listed = "".join(f"\n  {right}" for right in lacking)
    lines = "".join(f"\n  {line}" for line in granting(lacking))
    return f"you{user} may not{listed}\nAn administrator grants it with{lines}"


def user_of(message: str) -> str:
    """Who is meant by `User "jane" cannot list resource ...`."""
    found = re.search(r'User "([^"]+)" cannot', message)
    return found[1] if found else ""


_DEFAULT = Ownership()


@dataclass(frozen=True, slots=True)
class Installation:
    """How lbctl's operator was started, by the Deployment; its defaults where that is unknown."""

    found: bool = False
    namespace: str = DEFAULT_NAMESPACE
    name: str = ""
    ownership: Ownership = _DEFAULT
    lease_duration: float = 15.0
    metallb_namespace: str = ""
    """Where MetalLB's objects are obeyed; "" = nowhere."""
    fast_node_failure: bool = False
    """Whether the pods of a node that is proved dead are marked not ready at once."""
    version: str = ""
    wanted: int = 0
    """How many operators there are to be."""
    ready: int = 0

    @property
    def daemon_set(self) -> str:
        """The speakers' DaemonSet as kubectl names it; the chart calls it like the Deployment."""
        release = self.name.removesuffix("-operator") or "lbctl"
        return f"daemonset/{release}-speaker -n {self.namespace}"

    @classmethod
    def read(cls, deployment: Object) -> Installation:
        """Read the operator's Deployment."""
        meta, spec = deployment["metadata"], deployment.get("spec") or {}
        pod = (spec.get("template") or {}).get("spec") or {}
        flags = _flags(arg for one in pod.get("containers") or () for arg in one.get("args") or ())
        labels = meta.get("labels") or {}
        plain = cls()
        metallb = flags.get("metallb-namespace", "metallb-system")
        return cls(
            found=True,
            namespace=meta.get("namespace") or DEFAULT_NAMESPACE,
            name=meta["name"],
            ownership=Ownership(
                flags.get("load-balancer-class", plain.ownership.load_balancer_class),
                default_class="no-default-class" not in flags,
            ),
            lease_duration=float(flags.get("lease-duration-seconds", plain.lease_duration)),
            metallb_namespace=metallb if "compat-metallb" in flags else "",
            fast_node_failure="fast-node-failure" in flags,
            version=_as_written_in_code(labels.get("app.kubernetes.io/version", "")),
            wanted=spec.get("replicas", 1),
            ready=(deployment.get("status") or {}).get("readyReplicas") or 0,
        )


def _as_written_in_code(version: str) -> str:
    """The chart's version, semantic versioning's, as Python writes it: 0.1.0-dev is 0.1.0.dev0."""
    release, _, stage = version.partition("-")
    word, _, number = stage.partition(".")
    match word:
        case "":
            return release
        case "dev":
            return f"{release}.dev{number or 0}"
        case "alpha" | "beta":
            return f"{release}{word[0]}{number or 0}"
        case "rc":
            return f"{release}rc{number or 0}"
        case _:
            return version


def _flags(args: Iterable[str]) -> dict[str, str]:
    """`--name=value` by name; a flag without a value has ""."""
    split = (arg.removeprefix("--").partition("=") for arg in args if arg.startswith("--"))
    return {name: value for name, _, value in split}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects of a cluster, by kind."""

    objects: Mapping[Kind, tuple[Object, ...]] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """The API server's clock."""
    installation: Installation = Installation()
    operator_lease: Object | None = None
    operator_lease_read: bool = False
    """Whether it was looked for, so that its absence means something."""
    missing: tuple[Right, ...] = ()
    """What could not be read for want of a right; the answer does without."""
    unserved: tuple[Kind, ...] = ()
    """Kinds that the API server does not have."""
    server: str = ""
    namespace: str = "default"
    """Where the person looks for Services."""

    def of(self, kind: Kind) -> tuple[Object, ...]:
        """The objects of a kind; none when they were not read."""
        return self.objects.get(kind, ())

    def knows(self, kind: Kind) -> bool:
        """Whether all objects of the kind were read, so that absence means something."""
        return kind in self.objects and all(right.kind is not kind for right in self.missing)

    def find(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """One object, as it was read."""
        return next((one for one in self.of(kind) if tuple(key_of(one)) == (namespace, name)), None)

    def put(self, kind: Kind, obj: Object) -> Snapshot:
        """With this object, in the place of the one that bears its name."""
        others = (one for one in self.of(kind) if key_of(one) != key_of(obj))
        return replace(self, objects={**self.objects, kind: (*others, obj)})


def time_of(text: object) -> datetime | None:
    """A time as Kubernetes writes it; None when there is none, or none that can be read."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) and text else None
    except ValueError:
        return None
