"""MetalLB's objects as lbctl's, and all that has no counterpart, said aloud.

What the fields mean is `lbctl.core.metallb.pools`'s and its neighbours' to say, which serve the
mode `compat.metallb` too; here the same meaning is written down in lbctl's own kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from lbctl.api.meta import API_VERSION
from lbctl.cli.manifests import Flaw, Manifest, Path_, written
from lbctl.cli.view.findings import Severity
from lbctl.cli.view.mistakes import Mistake, find, path_of
from lbctl.core.metallb.advertisements import metallb_advertisement_view
from lbctl.core.metallb.pools import metallb_pool_view
from lbctl.core.metallb.reading import GROUP, Problem
from lbctl.core.metallb.requests import METALLB
from lbctl.core.objects.requests import LBCTL

_NO_BGP = "has no counterpart: lbctl announces on the LAN alone, by ARP and NDP"
_NO_COUNTERPART = {
    "BGPPeer": _NO_BGP,
    "BGPAdvertisement": f"{_NO_BGP}. Pools that only this one names are not announced by BGP",
    "BFDProfile": "has no counterpart: speakers watch each other by BFD, set by bfd.* of the chart",
    "Community": _NO_BGP,
}
_STATUS_ONLY = frozenset({"ServiceL2Status", "ServiceBGPStatus", "BGPSessionStatus",
                          "ConfigurationState", "ConfigurationStatus"})  # fmt: skip
"""What MetalLB itself writes: nothing is lost with it."""
_BY_API_SERVER = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "namespace",
     "selfLink", "ownerReferences", "finalizers"}
)  # fmt: skip
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was made, and what is to be said of it."""

    objects: tuple[dict[str, Any], ...]
    told: tuple[Mistake, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was lost."""
        return all(one.severity is Severity.NOTE for one in self.told)


@dataclass(slots=True)
class _Converting:
    made: list[tuple[Manifest, dict[str, Any]]] = field(default_factory=list)
    told: list[Mistake] = field(default_factory=list)

    def tell(
        self, of: Manifest, path: Path_, message: str, severity: Severity = Severity.WARNING
    ) -> None:
        subject = f"{of.kind}/{of.name}".strip("/")
        where = written(path)
        self.told.append(Mistake(of.file, of.line(path), severity, subject, where, message))

    def make(self, of: Manifest, kind: str, spec: Mapping[str, Any]) -> None:
        """One of lbctl's kinds, with the name and the labels of what it was."""
        content = {"apiVersion": API_VERSION, "kind": kind, "metadata": _metadata(of)}
        self.made.append((of, {**content, **({"spec": dict(spec)} if spec else {})}))


def convert(manifests: Iterable[Manifest], flaws: Iterable[Flaw] = ()) -> Conversion:
    """Convert what is MetalLB's; other objects are passed over.

    Args:
        manifests: what was read.
        flaws: what could not be read.
    """
    known, run = [*manifests], _Converting()
    run.told += find([], flaws)
    for one in known:
        if one.group == GROUP:
            _object(one, run)
        elif (one.group, one.kind) == ("", "Service"):
            _service(one, run)
        elif (one.group, one.kind, one.name) == ("", "ConfigMap", "config"):
            _config_map(one, run)
    _announced(known, run)
    for of, content in run.made:
        if content["apiVersion"] == API_VERSION:
            for wrong in find([Manifest(of.file, content)]):
                run.tell(of, path_of(wrong.path), wrong.message, wrong.severity)
    told = sorted(dict.fromkeys(run.told), key=lambda one: (one.file, one.line))
    return Conversion(tuple(content for _, content in run.made), tuple(told))


def _object(one: Manifest, run: _Converting) -> None:
    kinds: Mapping[str, Callable[[Manifest, _Converting], None]] = {
        "IPAddressPool": _pool,
        "AddressPool": _old_pool,
        "L2Advertisement": _advertisement,
    }
    if one.kind in kinds:
        kinds[one.kind](one, run)
    elif one.kind in _NO_COUNTERPART:
        run.tell(one, ("kind",), _NO_COUNTERPART[one.kind])
    elif one.kind not in _STATUS_ONLY:
        run.tell(one, ("kind",), "is a kind that lbctl does not know: nothing is made of it")


def _pool(one: Manifest, run: _Converting) -> None:
    view, problems = metallb_pool_view(_read(one))
    assert view.allocation is not None  # noqa: S101 - MetalLB's pools always have one
    _tell_problems(one, problems, run)
    spec = one.spec
    made: dict[str, Any] = {"addresses": [*view.entries]}
    made |= {name: spec[name] for name in ("autoAssign", "avoidBuggyIPs") if name in spec}
    allocation = spec.get("serviceAllocation")
    allocation = allocation if isinstance(allocation, Mapping) else {}
    kept = {name: value for name, value in allocation.items() if value and name in _ALLOCATION}
    made["allocation"] = {**kept, "sharing": view.allocation.sharing.value}
    run.make(one, "IPAddressPool", made)


_ALLOCATION = ("priority", "namespaces", "namespaceSelectors", "serviceSelectors")


def _old_pool(one: Manifest, run: _Converting) -> None:
    """AddressPool of MetalLB before 0.14, which said itself how it is announced."""
    spec = dict(one.spec)
    protocol = spec.pop("protocol", "layer2")
    if protocol != "layer2":
        run.tell(one, ("spec", "protocol"), f"protocol {protocol} {_NO_BGP}: it is left out")
        return
    if spec.pop("bgpAdvertisements", None):
        run.tell(one, ("spec", "bgpAdvertisements"), _NO_BGP)
    _pool(Manifest(one.file, {**one.content, "spec": spec}, one.lines), run)


def _advertisement(one: Manifest, run: _Converting) -> None:
    _, problems = metallb_advertisement_view(_read(one))
    _tell_problems(one, problems, run)
    spec = one.spec
    same = ("ipAddressPools", "ipAddressPoolSelectors", "serviceSelectors", "nodeSelectors",
            "interfaces")  # fmt: skip
    made: dict[str, Any] = {name: spec[name] for name in same if spec.get(name)}
    preferred = spec.get("preferredNodeSelectors")
    if preferred and isinstance(preferred, list):
        made["preferredNodes"] = [
            {"weight": entry.get("weight"), "nodeSelector": entry.get("preference")}
            for entry in preferred
            if isinstance(entry, Mapping)
        ]
        text = "brings no address back by itself: see failback of L2Advertisement"
        run.tell(one, ("spec", "preferredNodeSelectors"), text, Severity.NOTE)
    if spec.get("interfaces"):
        text = "lbctl announces on one of these on each node, the one in the address's subnet"
        run.tell(one, ("spec", "interfaces"), text, Severity.NOTE)
    run.make(one, "L2Advertisement", made)


def _announced(known: list[Manifest], run: _Converting) -> None:
    """A pool without an L2Advertisement: MetalLB announces it nowhere, lbctl everywhere."""
    pools = [one for one in known if (one.group, one.kind) == (GROUP, "IPAddressPool")]
    if any((one.group, one.kind) == (GROUP, "L2Advertisement") for one in known):
        return
    for one in pools:
        text = (
            "has no L2Advertisement in these files: MetalLB announces it by BGP or not at all; "
            "lbctl's nodes all announce a pool as long as there is no L2Advertisement"
        )
        run.tell(one, ("metadata", "name"), text)


def _service(one: Manifest, run: _Converting) -> None:
    """A Service that asks in MetalLB's words asks in lbctl's."""
    meta = one.metadata
    annotations = meta.get("annotations") or {}
    if not isinstance(annotations, Mapping):
        return
    renamed = {
        theirs: ours[0]
        for ours, both in (
            (LBCTL.addresses, METALLB.addresses),
            (LBCTL.pools, METALLB.pools),
            (LBCTL.sharing_key, METALLB.sharing_key),
        )
        for theirs in both[len(ours) :]
    }
    if not any(_metallbs(name) for name in annotations):
        return
    found: dict[str, Any] = {}
    for name, value in annotations.items():
        if name in renamed:
            found.setdefault(renamed[name], value)
        elif name == METALLB.granted_from or name == _LAST_APPLIED:  # noqa: PLR1714 - two reasons
            continue
        elif _metallbs(name):
            run.tell(one, ("metadata", "annotations", name), "has no counterpart: it is left out")
        else:
            found[name] = value
    kept = {name: value for name, value in meta.items() if name not in _BY_API_SERVER}
    namespace = {"namespace": meta["namespace"]} if meta.get("namespace") else {}
    metadata = {**kept, **namespace, "annotations": found}
    content = {name: value for name, value in one.content.items() if name != "status"}
    run.made.append((one, {**content, "metadata": metadata}))


def _metallbs(annotation: str) -> bool:
    return annotation.partition("/")[0] in {GROUP, "metallb.universe.tf"}


def _config_map(one: Manifest, run: _Converting) -> None:
    """The ConfigMap by which MetalLB was configured before 0.13."""
    data, at = one.content.get("data"), ("data", "config")
    text = data.get("config") if isinstance(data, Mapping) else None
    try:
        config = yaml.safe_load(text) if isinstance(text, str) else None
    except yaml.YAMLError as error:
        config = None
        if "address-pools" in str(text):
            run.tell(one, at, f"is no YAML: {' '.join(str(error).split())}", Severity.BROKEN)
    if not isinstance(config, Mapping) or "address-pools" not in config:
        return
    for name in sorted(map(str, config.keys() - {"address-pools"})):
        run.tell(one, at, f"{name} {_NO_BGP}")
    pools = config["address-pools"] or ()
    if not isinstance(pools, list | tuple) or not all(isinstance(one, Mapping) for one in pools):
        run.tell(one, at, "address-pools is no list of pools", Severity.BROKEN)
        return
    for entry in pools:
        spec = {"addresses": entry.get("addresses"), "protocol": entry.get("protocol", "layer2")}
        for theirs, ours in (("auto-assign", "autoAssign"), ("avoid-buggy-ips", "avoidBuggyIPs")):
            if theirs in entry:
                spec[ours] = entry[theirs]
        content = {"kind": "AddressPool", "metadata": {"name": entry.get("name")}, "spec": spec}
        _old_pool(Manifest(one.file, content, {(): one.line(at)}), run)


def _read(one: Manifest) -> dict[str, Any]:
    meta = {"name": "", "namespace": "metallb-system", **one.metadata}
    return {**one.content, "metadata": meta}


def _tell_problems(one: Manifest, problems: Iterable[Problem], run: _Converting) -> None:
    for problem in problems:
        run.tell(one, path_of(problem.field), problem.text)


def _metadata(of: Manifest) -> dict[str, Any]:
    """The name, the labels and what people have annotated."""
    meta = of.metadata
    kept = {name: value for name, value in meta.items() if name not in _BY_API_SERVER}
    annotations = {
        name: value
        for name, value in (kept.pop("annotations", None) or {}).items()
        if name != _LAST_APPLIED
    }
    return {**kept, **({"annotations": annotations} if annotations else {})}


def documents(answer: Conversion) -> Iterator[str]:
    """The objects as YAML, one document each."""
    for content in answer.objects:
        yield yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
