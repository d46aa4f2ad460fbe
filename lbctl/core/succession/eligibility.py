"""Who may announce an address: each rule by its name, and the snapshot in which they are judged.

Three kinds of rules. A node that **cannot** announce, like a dead one, is out. One that **must
not**, because a person wrote so, is out too, but its speaker lives and hands over what it holds.
One that **should not**, by what is observed of its Node or its proxy, likewise; where that would
leave nobody, it is reported and not obeyed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from lbctl.core.addresses import Address
from lbctl.core.objects.advertisements import Announcing
from lbctl.core.objects.speakers import Exclusion, NodeView, barriers
from lbctl.core.outcomes import LeftOut
from lbctl.core.succession.partners import Partnerships
from lbctl.core.succession.standing import Standing, unfit

_NAMED_AT_MOST = 12
"""A message names so many nodes and counts the rest."""


@dataclass(frozen=True)
class Judgement:
    """Who may announce an address."""

    eligible: tuple[str, ...]
    """By name."""
    doubted: frozenset[str]
    """The eligible ones against whom something is held that is not obeyed: they come last."""
    mute: frozenset[str]
    """Those among the doubted whose speakers may not live at all."""
    left_out: tuple[Exclusion, ...]
    """Every other node, with the first reason."""
    disobeyed: tuple[Exclusion, ...]
    """What is held against the doubted."""
    able_to_hand_over: frozenset[str]
    """Who is left out, but can go on announcing until another does."""
    weights: Mapping[str, int] = field(default_factory=dict)
    """How much nodes are preferred, where they are."""

    @cached_property
    def able(self) -> frozenset[str]:
        """The eligible ones."""
        return frozenset(self.eligible)

    @cached_property
    def sure(self) -> bool:
        """Whether at least one of the eligible can surely announce."""
        return bool(self.able - self.mute)

    @cached_property
    def told(self) -> str:
        """Who is left out and what is not obeyed, in sentences; "" when there is nothing to say."""
        sentences = []
        if self.left_out:
            sentences.append(f"Left out: {_listed(self.left_out)}.")
        if self.disobeyed:
            said = _listed(self.disobeyed)
            sentences.append(f"Not obeyed, because it is held against most or all at once: {said}.")
        return " ".join(sentences)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is held against one node, for one kind of address."""

    node: str
    firm: Exclusion | None
    """It cannot, or must not."""
    can_hand_over: bool
    observed: Exclusion | None
    """It should not."""
    doubts: tuple[Exclusion, ...]
    """Reported, and not obeyed."""


class Cluster(Mapping[str, NodeView]):
    """The nodes at one moment, by name, and what was judged of them.

    What a plan needs to know of a thousand nodes is the same for thousands of addresses, so it is
    worked out once. A change of any node makes another `Cluster`.

    Args:
        nodes: every node, by name.
        drawn: who is whose partner.
        standing: what is doubted; without it nothing is, and nobody fails back.
    """

    def __init__(
        self,
        nodes: Mapping[str, NodeView],
        drawn: Partnerships = MappingProxyType({}),
        standing: Standing | None = None,
    ) -> None:
        self._nodes = nodes
        self.drawn = drawn
        self.standing = standing or Standing()
        self._verdicts: dict[tuple[object, Announcing], tuple[_Verdict, ...]] = {}
        self._weighed: dict[Announcing, Mapping[str, int]] = {}
        self._judgements: dict[object, Judgement] = {}
        prefixes: dict[tuple[int, int], set[int]] = {}
        for node in nodes.values():
            for interface in () if node.speaker is None else node.speaker.interfaces:
                for own in interface.addresses:
                    shift = own.max_prefixlen - own.network.prefixlen
                    held = prefixes.setdefault((own.version, shift), set())
                    held.add(int(own.network.network_address) >> shift)
        self._prefixes = sorted(prefixes.items())

    def __getitem__(self, name: str) -> NodeView:
        return self._nodes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def judge(
        self, address: Address, announcing: Announcing, endpoints: frozenset[str] | None = None
    ) -> Judgement:
        """Who may announce an address.

        Args:
            address: the address.
            announcing: how it is announced.
            endpoints: the nodes with a ready endpoint, if only these may; else None.
        """
        lan = self.lan(address)
        key = (lan, announcing, endpoints)
        if (known := self._judgements.get(key)) is not None:
            return known
        if (verdicts := self._verdicts.get((lan, announcing))) is None:
            verdicts = tuple(self._verdict(name, address, announcing) for name in sorted(self))
            self._verdicts[lan, announcing] = verdicts
        made = _judgement(verdicts, endpoints, self._weights(announcing))
        self._judgements[key] = made
        return made

    def lan(self, address: Address) -> tuple[tuple[int, int], ...]:
        """The subnets of nodes that hold an address: who shares them shares every judgement."""
        number = int(address)
        return (
            (address.version, 0),
            *(
                (shift, number >> shift)
                for (version, shift), held in self._prefixes
                if version == address.version and number >> shift in held
            ),
        )

    def _weights(self, announcing: Announcing) -> Mapping[str, int]:
        if announcing not in self._weighed:
            weights = {name: announcing.weight(self[name].labels) for name in self}
            self._weighed[announcing] = {name: weight for name, weight in weights.items() if weight}
        return self._weighed[announcing]

    def _verdict(self, name: str, address: Address, announcing: Announcing) -> _Verdict:
        node = self[name]
        cannot = [*barriers(node, address, announcing.interfaces)]
        must_not = [*_written(node, announcing)]
        should_not = [*unfit(node)]
        doubts = [one for one in (*cannot, *should_not) if self.standing.doubts(one)]
        firm = [one for one in (*cannot, *must_not) if one not in doubts]
        return _Verdict(
            name,
            firm[0] if firm else None,
            can_hand_over=all(one in doubts for one in cannot),
            observed=next((one for one in should_not if one not in doubts), None),
            doubts=tuple(doubts),
        )


def _written(node: NodeView, announcing: Announcing) -> Iterator[Exclusion]:
    """What a person wrote against a node."""
    if node.excluded:
        detail = "its Node is labelled node.kubernetes.io/exclude-from-external-load-balancers"
        yield Exclusion(node.name, LeftOut.EXCLUDED, detail)
    if node.draining:
        detail = "it is drained by the label or taint lbctl.io/drain"
        yield Exclusion(node.name, LeftOut.DRAINING, detail)
    if (found := announcing.exclusion(node)) is not None:
        yield found


def _judgement(
    verdicts: tuple[_Verdict, ...], endpoints: frozenset[str] | None, weights: Mapping[str, int]
) -> Judgement:
    open_to = [
        one for one in verdicts if one.firm is None and (endpoints is None or one.node in endpoints)
    ]
    # When what is observed would leave nobody, it is not obeyed.
    chosen = [one for one in open_to if one.observed is None] or open_to
    names = {one.node for one in chosen}
    doubts = [
        doubt
        for one in chosen
        for doubt in (*one.doubts, *(() if one.observed is None else (one.observed,)))
    ]
    left_out = [_reason(one, endpoints) for one in verdicts if one.node not in names]
    return Judgement(
        eligible=tuple(one.node for one in chosen),
        doubted=frozenset(one.node for one in doubts),
        mute=frozenset(one.node for one in doubts if one.reason in _MUTE),
        left_out=tuple(left_out),
        disobeyed=tuple(doubts),
        able_to_hand_over=frozenset(
            one.node for one in verdicts if one.can_hand_over and one.node not in names
        ),
        weights=weights,
    )


_MUTE = frozenset({LeftOut.SPEAKER_SILENT, LeftOut.SPEAKER_NOT_READY})


def _reason(one: _Verdict, endpoints: frozenset[str] | None) -> Exclusion:
    if one.firm is not None:
        return one.firm
    if endpoints is not None and one.node not in endpoints:
        detail = "a Service has no ready endpoint on it (externalTrafficPolicy: Local)"
        return Exclusion(one.node, LeftOut.NO_ENDPOINT, detail)
    assert one.observed is not None  # noqa: S101 - who has nothing held against it is eligible
    return one.observed


def _listed(exclusions: tuple[Exclusion, ...]) -> str:
    named = [str(one) for one in exclusions[:_NAMED_AT_MOST]]
    if len(exclusions) > _NAMED_AT_MOST:
        named.append(f"{len(exclusions) - _NAMED_AT_MOST} more nodes")
    return "; ".join(named)
