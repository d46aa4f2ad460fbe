"""Whether the operator leads, and whether the programs fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from lbctl import __version__
from lbctl.cli.snapshot import time_of
from lbctl.cli.state import State
from lbctl.cli.view.findings import Concern, Finding, Severity
from lbctl.cli.view.words import duration
from lbctl.core.objects.speakers import newest_version


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
    subject = state.snapshot.installation.daemon_set
    yield Finding(Severity.NOTE, Concern.VERSION_SKEW, subject, text, advice)


def command(state: State) -> Iterator[Finding]:
    """Whether this command knows the rules of the operator that runs."""
    theirs = state.snapshot.installation.version
    if theirs and theirs != __version__:
        text = f"This command is {__version__} and the operator {theirs}: their rules may differ."
        yield Finding(
            Severity.NOTE, Concern.VERSION_SKEW, "lbctl", text, "Install the operator's version."
        )
