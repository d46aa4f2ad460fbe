"""What an answer lacks for want of rights."""

from __future__ import annotations

from collections.abc import Iterator

from lbctl.cli.snapshot import Right, granting
from lbctl.cli.state import State
from lbctl.cli.view.findings import Concern, Finding, Severity


def unseen(state: State) -> Iterator[Finding]:
    """What the answer lacks for want of rights."""
    for right in state.snapshot.missing:
        text = f"You may not {right}, so {_without(right)}."
        grant = "; ".join(granting([right]))
        yield Finding(Severity.NOTE, Concern.NOT_VISIBLE, right.resource, text, grant)


def _without(right: Right) -> str:
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
