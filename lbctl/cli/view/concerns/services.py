"""Services that wait, or have not what they ask for."""

from __future__ import annotations

from collections.abc import Iterator

from lbctl.cli.state import State, addresses_of
from lbctl.cli.view.findings import Concern, Finding, Severity
from lbctl.core.outcomes import Outcome


def services(state: State) -> Iterator[Finding]:
    """Services that wait, or have not what they ask for."""
    for service in state.services:
        verdict = state.decide(service.key).verdict
        if verdict is None:
            continue
        name = f"{service.name} -n {service.namespace}"
        subject, explain = f"service/{name}", f"lbctl explain service {name}"
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
