"""Which rules a question asks, and what they find, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lbctl.cli.state import State
from lbctl.cli.view.concerns import addresses, nodes, pools, programs, rights, services
from lbctl.cli.view.findings import Finding

Rule = Callable[[State], Iterator[Finding]]

_ALWAYS: tuple[Rule, ...] = (
    programs.operators,
    programs.versions,
    nodes.speakers,
    pools.pools,
    pools.advertisements,
    services.services,
    rights.unseen,
)
OF_NOW: tuple[Rule, ...] = (*_ALWAYS, addresses.virtual_ips)
"""What keeps clients from an address, or will."""
OF_SETUP: tuple[Rule, ...] = (*_ALWAYS, programs.command)
"""What somebody has set up wrongly, whatever works at the moment."""


def found(state: State, rules: tuple[Rule, ...]) -> tuple[Finding, ...]:
    """Everything that these rules find, what to look at first at the front."""
    each = (one for rule in rules for one in rule(state))
    return tuple(sorted(each, key=lambda one: (one.rank, one.subject)))
