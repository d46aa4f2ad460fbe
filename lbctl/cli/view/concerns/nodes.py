"""Nodes that announce nothing, and what their speakers say of them."""

from __future__ import annotations

from collections.abc import Iterator

from lbctl.cli.state import State
from lbctl.cli.view.findings import Concern, Finding, Severity
from lbctl.cli.view.words import duration, sentence
from lbctl.core.objects.speakers import Exclusion, NodeView, not_alive, not_ready
from lbctl.core.outcomes import ConditionType, LeftOut
from lbctl.core.reading.objects import condition
from lbctl.core.succession.standing import unfit
from lbctl.kube.objects import SPEAKERS, Object

_SET_ASIDE = frozenset({LeftOut.EXCLUDED, LeftOut.DRAINING, LeftOut.SPEAKER_STOPPED})
"""Why a node is out because somebody wanted it."""

_SETTINGS = (
    ConditionType.KERNEL_SILENT,
    ConditionType.REVERSE_PATH_OPEN,
    ConditionType.FORWARDING,
    ConditionType.ROUTER_ADVERTISEMENTS_HEARD,
    ConditionType.INTERFACES_SOUND,
    ConditionType.NODE_PORT_READY,
)


def speakers(state: State) -> Iterator[Finding]:
    """The nodes, and what their speakers say of them."""
    manned = [view for view in state.nodes.values() if view.speaker is not None]
    if not any(state.lives(view.name) for view in manned):
        text = "No speaker lives: no node announces anything."
        installed = state.snapshot.installation
        look = f"kubectl -n {installed.namespace} get daemonsets,pods -o wide"
        yield Finding(Severity.BROKEN, Concern.NO_SPEAKER, installed.daemon_set, text, look)
    for view in manned:
        yield from _node(state, view)
        obj = state.snapshot.find(SPEAKERS, view.name)
        if obj is not None and state.lives(view.name):
            yield from _speaker(obj)


def _node(state: State, view: NodeView) -> Iterator[Finding]:
    out = barrier(view)
    subject = f"node/{view.name}"
    if out is not None and out.reason in _SET_ASIDE:
        yield Finding(Severity.NOTE, Concern.NODE_SET_ASIDE, subject, sentence(out.detail))
    elif out is not None:
        age = state.silent_for(view.name)
        silent = out.reason is LeftOut.SPEAKER_SILENT
        since = f", for {duration(age)}" if silent and age is not None else ""
        yield Finding(
            Severity.WARNING,
            Concern.NODE_OUT,
            subject,
            sentence(f"{out.detail}{since}"),
            f"kubectl describe speaker {view.name}; kubectl describe node {view.name}",
        )
    for doubt in (
        one for one in (not_alive(view), not_ready(view), *unfit(view)) if one is not None
    ):
        if state.nodes.standing.doubts(doubt):
            text = f"{doubt.detail}; not obeyed, because it is so of most nodes at once"
            yield Finding(Severity.WARNING, Concern.RULE_NOT_OBEYED, subject, sentence(text))


def barrier(view: NodeView) -> Exclusion | None:
    """Why a node announces nothing at all, whatever the address; None when it can."""
    for found in (not_alive(view), not_ready(view)):
        if found is not None:
            return found
    if view.excluded:
        label = "node.kubernetes.io/exclude-from-external-load-balancers"
        return Exclusion(view.name, LeftOut.EXCLUDED, f"its Node is labelled {label}")
    if view.draining:
        return Exclusion(view.name, LeftOut.DRAINING, "it is drained by lbctl.io/drain")
    found = next(iter(unfit(view)), None)
    if found is not None:
        return found
    if view.speaker is not None and not any(one.carrier for one in view.speaker.interfaces):
        detail = "no interface of its has a carrier and an address"
        return Exclusion(view.name, LeftOut.NO_CARRIER, detail)
    return None


def _speaker(obj: Object) -> Iterator[Finding]:
    name = obj["metadata"]["name"]
    subject, look = f"speaker/{name}", f"kubectl describe speaker {name}"
    partners = condition(obj, ConditionType.PARTNERS_REACHABLE) or {}
    if partners.get("status") == "False":
        text = sentence(partners.get("message") or "it does not hear its partners")
        yield Finding(Severity.WARNING, Concern.PARTNERS, subject, text, look)
    for kind in _SETTINGS:
        found = condition(obj, kind) or {}
        if found.get("status") == "False":
            text = sentence(found.get("message") or str(kind))
            yield Finding(Severity.WARNING, Concern.NODE_SETTING, subject, text, look)
