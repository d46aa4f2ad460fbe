"""Looks for what is wrong with an installation: each rule yields what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import assert_never

from lbctl import __version__
from lbctl.cli.snapshot import Right, granting, time_of
from lbctl.cli.state import State, addresses_of
from lbctl.cli.view import handing_on
from lbctl.cli.view.findings import Concern, Finding, Severity
from lbctl.cli.view.words import duration, sentence
from lbctl.core.addresses import Family, object_name, place
from lbctl.core.allocation.belonging import out_of_pool
from lbctl.core.intervals import AddressSet, Interval
from lbctl.core.objects.pools import PoolFinding
from lbctl.core.objects.services import ServiceView
from lbctl.core.objects.speakers import Exclusion, NodeView, newest_version, not_alive, not_ready
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import (
    ConditionType,
    LeftOut,
    Outcome,
    PoolReason,
    ReleasedReason,
)
from lbctl.core.reading.objects import condition
from lbctl.core.succession.advertisement_findings import assess_advertisement, unadvertised
from lbctl.core.succession.standing import unfit
from lbctl.kube.objects import SPEAKERS, VIRTUAL_IPS, Object

NEARLY_FULL = 0.9
_NAMED = 3
"""So many ranges are named."""

_SETTINGS = (
    ConditionType.KERNEL_SILENT,
    ConditionType.REVERSE_PATH_OPEN,
    ConditionType.FORWARDING,
    ConditionType.ROUTER_ADVERTISEMENTS_HEARD,
    ConditionType.INTERFACES_SOUND,
    ConditionType.NODE_PORT_READY,
)


def all_of(state: State) -> tuple[Finding, ...]:
    """Everything that is found, what to look at first at the front."""
    rules = (operators, speakers, pools, advertisements, services, virtual_ips, versions, unseen)
    found = [one for rule in rules for one in rule(state)]
    return tuple(sorted(found, key=lambda one: (one.rank, one.subject)))


def operators(state: State) -> Iterator[Finding]:
    """Whether somebody leads, and somebody could take over."""
    installed, lease = state.snapshot.installation, state.snapshot.operator_lease
    place = installed.namespace
    subject = f"deployment/{installed.name or 'lbctl-operator'} -n {place}"
    spec = (lease or {}).get("spec") or {}
    renewed = time_of(spec.get("renewTime"))
    age = None if renewed is None else (state.snapshot.now - renewed).total_seconds()
    look = f"kubectl -n {place} logs deployment/{installed.name or 'lbctl-operator'}"
    silent = age is not None and age > 2 * installed.lease_duration
    never = lease is None and state.snapshot.operator_lease_read and not installed.ready
    if never:
        text = "No operator has ever led here: nobody gives addresses and nobody plans."
        yield Finding(Severity.BROKEN, Concern.NO_OPERATOR, subject, text, look)
    elif lease is not None and (silent or not spec.get("holderIdentity")):
        since = f" for {duration(age)}" if age is not None else ""
        text = f"No operator has led{since}: nobody gives addresses. What is announced goes on."
        yield Finding(Severity.BROKEN, Concern.NO_OPERATOR, subject, text, look)
    elif installed.found and installed.ready < installed.wanted:
        text = f"{installed.ready} of {installed.wanted} operators are ready."
        severity = Severity.WARNING if installed.ready else Severity.BROKEN
        concern = Concern.OPERATORS_MISSING if installed.ready else Concern.NO_OPERATOR
        yield Finding(severity, concern, subject, text, look)


def speakers(state: State) -> Iterator[Finding]:
    """The nodes, and what their speakers say of them."""
    manned = [view for view in state.nodes.values() if view.speaker is not None]
    if not any(state.lives(view.name) for view in manned):
        text = "No speaker lives: no node announces anything."
        look = f"kubectl -n {state.snapshot.installation.namespace} get daemonsets,pods -o wide"
        yield Finding(Severity.BROKEN, Concern.NO_SPEAKER, "daemonset/lbctl-speaker", text, look)
    for view in manned:
        yield from _node(state, view)
        obj = state.snapshot.find(SPEAKERS, view.name)
        if obj is not None and state.lives(view.name):
            yield from _speaker(obj)


def _node(state: State, view: NodeView) -> Iterator[Finding]:
    out = barrier(view)
    subject = f"node/{view.name}"
    if out is not None and (out.reason in SET_ASIDE):
        yield Finding(Severity.NOTE, Concern.NODE_SET_ASIDE, subject, _said(out))
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


SET_ASIDE = frozenset({LeftOut.EXCLUDED, LeftOut.DRAINING, LeftOut.SPEAKER_STOPPED})
"""Why a node is out because somebody wanted it."""


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


def judged(state: State) -> tuple[PoolFinding, ...]:
    """What is found of each pool, and whether anybody announces it."""
    views = state.world.advertisement_views.values()
    return tuple(unadvertised(one, views) for one in state.ledger.findings())


def pools(state: State) -> Iterator[Finding]:
    """Pools that give nothing, or soon will."""
    found = judged(state)
    if not found:
        text = "There is no IPAddressPool: no Service gets an address."
        advice = "Create one with free addresses of your LAN."
        yield Finding(Severity.WARNING, Concern.NO_POOL, "ipaddresspools", text, advice)
    for one in found:
        subject = f"ipaddresspool/{one.pool.name}"
        match one.reason:
            case PoolReason.READY:
                pass
            case PoolReason.ADDRESSES_SKIPPED | PoolReason.DISABLED:
                yield Finding(Severity.NOTE, Concern.POOL_NOT_READY, subject, one.message)
            case PoolReason.OVERLAP | PoolReason.INVALID_ADDRESSES | PoolReason.NOT_ADVERTISED:
                yield Finding(Severity.WARNING, Concern.POOL_NOT_READY, subject, one.message)
            case _ as never:
                assert_never(never)
        if one.gives:
            yield from _stock(state, one.pool.name, subject)
            yield from _unreachable(state, one, subject)


def _unreachable(state: State, found: PoolFinding, subject: str) -> Iterator[Finding]:
    """Addresses that nobody on a LAN would ask a node for."""
    networks = {
        own.network
        for node in state.nodes.values()
        for interface in (() if node.speaker is None else node.speaker.interfaces)
        for own in interface.addresses
    }
    views = state.world.advertisement_views.values()
    if not networks or any(one.interfaces for one in views if one.takes(found.pool)):
        return  # Named interfaces announce what is in no subnet too.
    lans = AddressSet.union(
        Interval(place(one.network_address), place(one.broadcast_address)) for one in networks
    )
    outside = [*found.addresses.minus(lans)]
    if outside:
        listed = ", ".join(str(one) for one in outside[:_NAMED])
        more = f" and {len(outside) - _NAMED} more" if len(outside) > _NAMED else ""
        text = f"No node has an interface in a subnet with {listed}{more}: nobody can announce it."
        advice = "Compare spec.addresses with: kubectl get speakers -o wide"
        yield Finding(Severity.WARNING, Concern.UNREACHABLE_SUBNET, subject, text, advice)


def _stock(state: State, pool: str, subject: str) -> Iterator[Finding]:
    for family in Family:
        counts = state.ledger.counts(pool, family)
        able = counts.used + counts.free
        if not able:
            continue
        advice = "Add addresses, or another pool."
        if not counts.free:
            text = f"All {able} {family} addresses are used."
            yield Finding(Severity.WARNING, Concern.POOL_FULL, subject, text, advice)
        elif counts.used >= NEARLY_FULL * able:
            text = f"{counts.used} of {able} {family} addresses are used."
            yield Finding(Severity.WARNING, Concern.POOL_NEARLY_FULL, subject, text, advice)


def advertisements(state: State) -> Iterator[Finding]:
    """L2Advertisements by which nothing is announced."""
    views = state.world.advertisement_views
    known = [finding.pool for finding in state.ledger.findings()]
    for one in views.values():
        found = assess_advertisement(one, others=views.values(), pools=known, nodes=state.nodes)
        if not found.ready:
            subject = f"l2advertisement/{one.name}"
            yield Finding(Severity.WARNING, Concern.ADVERTISEMENT, subject, found.message)


def services(state: State) -> Iterator[Finding]:
    """Services that wait, or have not what they ask for."""
    for service in state.services:
        verdict = state.decide(service.key).verdict
        if verdict is None:
            continue
        subject, explain = _named(service), _explain(service)
        if not addresses_of(state, service):
            text, advice = verdict.message, explain
            if verdict.allocated:
                text = f"It could have {verdict.message} Nobody gives it."
            severity, concern = Severity.BROKEN, Concern.WAITING
            if verdict.reason is Outcome.FOREIGN_ADDRESS:
                severity = Severity.NOTE
            yield Finding(severity, concern, subject, text, advice)
        elif verdict.reason not in {Outcome.ADDRESS_ALLOCATED, Outcome.OUT_OF_POOL}:
            yield Finding(Severity.WARNING, Concern.UNMET, subject, verdict.message, explain)


def virtual_ips(state: State) -> Iterator[Finding]:
    """Addresses that nobody announces, that others have, that cannot be inherited or let go."""
    conflicts = Counter[str]()
    for view in state.ledger.virtual_ips():
        yield from _conflict(view, conflicts)
        match view.stage:
            case Stage.ALLOCATED:
                yield from _allocated(state, view)
            case Stage.RELEASING:
                yield from _stuck(state, view)
            case Stage.RESERVED:
                pass
            case _ as never:
                assert_never(never)


def _conflict(view: VirtualIPView, seen: Counter[str]) -> Iterator[Finding]:
    conflict = view.conflict
    if conflict is not None:
        seen[conflict.mac] += 1
        severity = Severity.WARNING if view.holder is not None else Severity.BROKEN
        text = sentence(conflict.message or f"{conflict.mac} has {view.address} too")
        advice = (
            f"Find the host with {conflict.mac}, or take the address out of the pool. Who answers "
            f"now: lbctl audit {view.address}"
        )
        yield Finding(severity, Concern.CONFLICT, subject_of(view), text, advice)


def _allocated(state: State, view: VirtualIPView) -> Iterator[Finding]:
    subject, who = subject_of(view), ", ".join(str(ref.key) for ref in view.services)
    explain = f"lbctl explain address {view.address}"
    if not state.held(view):
        text = f"No node announces {view.address} of {who}: {why_not_held(state, view)}"
        yield Finding(Severity.BROKEN, Concern.NOT_HELD, subject, text, explain)
    elif state.heir(view) is None and len(state.nodes) > 1:
        text = f"If {view.holder} died, nobody would take {view.address} of {who}."
        yield Finding(Severity.WARNING, Concern.NO_HEIR, subject, text, explain)
    if (why := handing_on.otherwise(state, view)) is not None:
        text = sentence(f"{view.address} of {who}: {why}")
        yield Finding(Severity.WARNING, Concern.HANDED_ON_OTHERWISE, subject, text, explain)
    for ref in view.services:
        service = state.ledger.service(ref.key)
        outside = None if service is None else out_of_pool(view, service, state.ledger)
        if outside is not None:
            yield Finding(Severity.WARNING, Concern.OUT_OF_POOL, subject, outside.message)


def why_not_held(state: State, view: VirtualIPView) -> str:
    """Why no node announces an address that a Service has, as a sentence."""
    if view.holder is not None:
        age = state.silent_for(view.holder)
        silent = "" if age is None else f" for {duration(age)}"
        heir = state.heir(view)
        follows = f"{heir} is next and has not said so." if heir else "nobody can take it."
        return f"{view.holder} held it and has been silent{silent}; {follows}"
    if view.answered_by_another:
        return sentence(view.answered_by_another)
    if view.conflict is not None:
        return f"{view.conflict.mac} answers for it."
    plan = state.plan(view)
    if plan is not None and not plan.planned:
        return plan.message
    if not view.succession:
        return "The operator has not planned it."
    return f"{view.succession[0]} is to take it and has not said so."


def _stuck(state: State, view: VirtualIPView) -> Iterator[Finding]:
    obj = state.snapshot.find(VIRTUAL_IPS, object_name(view.address)) or {}
    released = condition(obj, ConditionType.RELEASED) or {}
    planned = condition(obj, ConditionType.PLANNED) or {}
    text = ""
    if released.get("reason") == ReleasedReason.STILL_ANSWERED:
        text = sentence(released.get("message") or "somebody still answers for it")
    elif planned.get("reason") == "NobodyToAsk":
        text = sentence(planned.get("message") or "no speaker can ask the LAN")
    if text:
        subject = subject_of(view)
        advice = f"kubectl describe vip {object_name(view.address)}"
        yield Finding(Severity.WARNING, Concern.RELEASE_STUCK, subject, text, advice)


def command(state: State) -> Iterator[Finding]:
    """Whether this command knows the rules of the operator that runs."""
    theirs = state.snapshot.installation.version
    if theirs and theirs != __version__:
        text = f"This command is {__version__} and the operator {theirs}: their rules may differ."
        yield Finding(
            Severity.NOTE, Concern.VERSION_SKEW, "lbctl", text, "Install the operator's version."
        )


def versions(state: State) -> Iterator[Finding]:
    """Speakers of several versions, or of another one than the operator's."""
    by_version: dict[str, list[str]] = {}
    found = [view.speaker for view in state.nodes.values() if view.speaker is not None]
    for speaker in found:
        if speaker.version:
            by_version.setdefault(speaker.version, []).append(speaker.node)
    operator = state.snapshot.installation.version
    if operator:
        by_version.setdefault(operator, [])
    if len(by_version) < 2:  # noqa: PLR2004 - of one version there is no skew
        return
    newest = newest_version(found)
    old = {version: nodes for version, nodes in by_version.items() if version != newest and nodes}
    said = [f"{', '.join(sorted(nodes))} {version}" for version, nodes in sorted(old.items())]
    others = f"; others have {newest}" if newest in by_version and old else ""
    mine = f" The operator is {operator}." if operator else ""
    text = f"Speakers: {'; '.join(said) or newest}{others}.{mine}"
    advice = "Normal while an upgrade is under way; else look at the pods that did not restart."
    yield Finding(Severity.NOTE, Concern.VERSION_SKEW, "daemonset/lbctl-speaker", text, advice)


def unseen(state: State) -> Iterator[Finding]:
    """What the answer lacks for want of rights."""
    for right in state.snapshot.missing:
        text = f"You may not {right}, so {without(right)}."
        grant = "; ".join(granting([right]))
        yield Finding(Severity.NOTE, Concern.NOT_VISIBLE, right.resource, text, grant)


def without(right: Right) -> str:
    """What an answer lacks when a kind may not be listed."""
    return {
        "services": "Services of other namespaces are not looked at",
        "nodes": "what Nodes say of themselves is not known",
        "namespaces": "pools that select namespaces by labels seem to refuse them",
        "leases": "every speaker is taken to be alive",
        "servicecidrs": "overlaps with the range of Services are not seen",
        "deployments": "the operator's settings are taken to be the defaults",
        "endpointslices": "Services with externalTrafficPolicy: Local cannot be judged",
    }.get(right.kind.plural, "a part of the answer is missing")


def subject_of(view: VirtualIPView) -> str:
    """A VirtualIP as kubectl names it."""
    return f"virtualip/{object_name(view.address)}"


def _named(service: ServiceView) -> str:
    return f"service/{service.name} -n {service.namespace}"


def _explain(service: ServiceView) -> str:
    return f"lbctl explain service {service.name} -n {service.namespace}"


def _said(out: Exclusion) -> str:
    return sentence(out.detail)
