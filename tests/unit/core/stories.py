"""How a story about the allocator is told: the state in, the decision out."""

from dataclasses import dataclass, field

import pytest

from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.decisions import Decision, How, Take
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.services import Ownership, ServiceView
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import Notice, Outcome
from tests.unit.core.builders import OURS, ip, key, ledger


@dataclass(frozen=True)
class Becomes:
    """What is decided: what is taken, and what the status shows then (None: it is left alone)."""

    shows: list[str] | None
    takes: list[Take] = field(default_factory=list)
    says: Outcome | None = Outcome.ADDRESS_ALLOCATED
    """The reason of the condition; None: there is no condition."""


def given(address: str, pool: str) -> Take:
    return Take(ip(address), pool, How.GIVEN)


def gets(address: str, pool: str, says: Outcome = Outcome.ADDRESS_ALLOCATED) -> Becomes:
    """One new address."""
    return Becomes([address], [given(address, pool)], says)


def keeps(*addresses: str, says: Outcome = Outcome.ADDRESS_ALLOCATED) -> Becomes:
    """Nothing is taken."""
    return Becomes([*addresses], says=says)


def adopts(
    address: str,
    pool: str | None,
    existing: VirtualIPView | None = None,
    says: Outcome = Outcome.ADDRESS_ALLOCATED,
) -> Becomes:
    return Becomes([address], [Take(ip(address), pool, How.ADOPTED, existing)], says)


def withdrawn(*left: str) -> Becomes:
    """It is not ours any more: this is left in the status, without our condition."""
    return Becomes([*left], says=None)


UNTOUCHED = Becomes(None, says=None)


@dataclass(frozen=True)
class Story:
    rule: str
    state: list[PoolView | ServiceView | VirtualIPView]
    then: Becomes
    notices: list[Outcome] = field(default_factory=list)
    release: list[str] = field(default_factory=list)
    ownership: Ownership = OURS
    nodes: dict[str, str] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)


def check(story: Story) -> None:
    known = ledger(*story.state, identities=story.identities, **story.nodes)
    decision = decide(key(), known, story.ownership)
    assert what(decision) == story.then
    assert [notice.outcome for notice in decision.notices] == story.notices
    assert [view.address for view in decision.release] == [ip(text) for text in story.release]


def what(decision: Decision) -> Becomes:
    """A decision in the words of a story."""
    status = decision.status
    shows = (
        None
        if status is None or status.ingress is None
        else [entry.ip.removeprefix("10.0.0").replace(":", ":") for entry in status.ingress]
    )
    says = None if decision.verdict is None else decision.verdict.reason
    return Becomes(shows, [*decision.takes], says)


def refusal(known: Ledger, outcome: Outcome, *, untouched: bool = False) -> str:
    """Why the Service gets nothing: the condition and the notice say the same."""
    decision = decide(key(), known, OURS)
    verdict = decision.verdict
    assert verdict is not None
    assert (verdict.allocated, verdict.reason) == (False, outcome)
    assert Notice(outcome, verdict.message) in decision.notices
    assert decision.takes == ()
    assert what(decision).shows == (None if untouched else [])
    return verdict.message


def stories(*rows: Story) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("story", rows, ids=lambda story: story.rule)
