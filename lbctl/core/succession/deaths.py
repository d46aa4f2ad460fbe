"""Who is dead by the word of its partners, some ten seconds before its Lease is stale.

A word counts when the speaker that says it lives, is not accused itself, and sees, with itself,
more than half of its partners: one that lost its own cable reports all of them down. Two such
words are needed; on a LAN of two nodes there is one partner only, whose word must do. If a partner
that lives sees the accused alive, nothing follows: then the Lease decides.
"""

from collections.abc import Mapping

from lbctl.core.objects.speakers import NodeView
from lbctl.core.outcomes import Liveness, PartnerState
from lbctl.core.succession.partners import Partnerships

WORDS = 2
"""So many partners must report a speaker down."""

_DEAD: frozenset[PartnerState | None] = frozenset({PartnerState.DOWN, PartnerState.ADMIN_DOWN})

_Seen = Mapping[str, PartnerState | None]
"""What a speaker says of each of its partners; None is nothing."""


def reported_down(nodes: Mapping[str, NodeView], drawn: Partnerships) -> frozenset[str]:
    """The nodes that their partners report dead.

    Two nodes that report each other down are a cut between them, not two deaths: neither is named.
    """
    partners = {name: frozenset(one.node for one in rows) for name, rows in drawn.items()}
    seen = {name: _seen(nodes[name], around) for name, around in partners.items()}
    credible = {name for name, states in seen.items() if _credible(states)}
    words = {
        name: {other for other in around & credible if seen[other].get(name) in _DEAD}
        for name, around in partners.items()
    }
    needed = {name: max(1, min(WORDS, len(around))) for name, around in partners.items()}
    accused = {name for name, said in words.items() if len(said) >= needed[name]}
    return frozenset(
        name
        for name in accused
        if len(words[name] - accused) >= needed[name]
        and not any(seen[other].get(name) is PartnerState.UP for other in partners[name] - accused)
    )


def _seen(node: NodeView, partners: frozenset[str]) -> _Seen:
    """What a speaker sees of its partners. One that does not live sees nothing of anybody."""
    speaker = node.speaker
    if speaker is None or not speaker.ready or node.liveness is not Liveness.FRESH:
        return dict.fromkeys(partners)
    said: dict[str, set[PartnerState]] = {}
    for report in speaker.reports:
        said.setdefault(report.node, set()).add(report.state)
    return {name: _together(said.get(name, set())) for name in partners}


def _together(states: set[PartnerState]) -> PartnerState | None:
    """What the sessions with one partner say of it, each on a LAN of its own.

    It lives when one is up, and is dead when those that ever were up are down; a session that
    never was says nothing.
    """
    order = (PartnerState.UP, PartnerState.DOWN, PartnerState.ADMIN_DOWN, PartnerState.NEVER_UP)
    return next((state for state in order if state in states), None)


def _credible(seen: _Seen) -> bool:
    """Whether the speaker and those that it sees are more than half; of two, it alone will do."""
    seeing = 1 + sum(state is PartnerState.UP for state in seen.values())
    return len(seen) == 1 or 2 * seeing > 1 + len(seen)
