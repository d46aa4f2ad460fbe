"""Addresses that nobody announces, that others have, that cannot be inherited or let go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import assert_never

from lbctl.cli.state import State
from lbctl.cli.view import handing_on
from lbctl.cli.view.findings import Concern, Finding, Severity
from lbctl.cli.view.words import duration, sentence
from lbctl.core.addresses import object_name
from lbctl.core.allocation.belonging import out_of_pool
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import ConditionType, ReleasedReason
from lbctl.core.reading.objects import condition
from lbctl.kube.objects import VIRTUAL_IPS


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
        yield Finding(severity, Concern.CONFLICT, _subject(view), text, advice)


def _allocated(state: State, view: VirtualIPView) -> Iterator[Finding]:
    subject, who = _subject(view), ", ".join(str(ref.key) for ref in view.services)
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
        subject = _subject(view)
        advice = f"kubectl describe vip {object_name(view.address)}"
        yield Finding(Severity.WARNING, Concern.RELEASE_STUCK, subject, text, advice)


def _subject(view: VirtualIPView) -> str:
    """A VirtualIP as kubectl names it."""
    return f"virtualip/{object_name(view.address)}"
