"""The one table of ours: `inet lbctl`. Pure."""

from collections.abc import Iterator
from typing import Final

from speaker.netfilter.chains import chains
from speaker.netfilter.declarations import (
    Chain,
    ChainKind,
    Hook,
    HookPoint,
    Part,
    Rule,
    SetDeclaration,
    Table,
)
from speaker.netfilter.expressions import (
    Accept,
    Compare,
    Connection,
    Goto,
    InState,
    LoadConnection,
    LoadMeta,
    Lookup,
    Meta,
    NotTranslated,
    State,
)
from speaker.netfilter.families import FAMILIES, Family, destination, is_family
from speaker.netfilter.rewrites import Behaviour, UnknownPorts

NAME: Final = "lbctl"
INTERFACES: Final = "interfaces"
"""The set of the interfaces that addresses are announced on."""

_BEFORE_CONNTRACK: Final = -310
"""After fragments are put together (-400), before the raw table (-300) and conntrack (-200)."""
_BEFORE_THE_PROXY: Final = -120
"""After conntrack and the mangle table (-150), before kube-proxy's first chain (-110)."""
_FOR_PING: Final = -105
_AFTER_THE_PROXY: Final = -90
_AFTER_NAT: Final = 300
_REPLY: Final = b"\1"


def table(behaviour: Behaviour) -> Table:
    """The table: its rules are as many as they are, however many addresses its sets hold."""
    nodes = {
        family: node for family in FAMILIES if (node := behaviour.node_address(family.version))
    }
    return Table(
        NAME,
        (
            SetDeclaration(INTERFACES, (Part.INTERFACE,)),
            *(each for family in nodes for each in _sets(family)),
        ),
        (
            *_base_chains(behaviour, tuple(nodes)),
            *(
                each
                for family, node in nodes.items()
                for each in chains(family, behaviour, node.packed)
            ),
        ),
    )


def _sets(family: Family) -> Iterator[SetDeclaration]:
    address, service = (family.part,), (family.part, Part.PROTOCOL, Part.PORT)
    yield SetDeclaration(family.named("guarded"), address)
    yield SetDeclaration(family.named("held"), address)
    yield SetDeclaration(family.named("passed"), service)
    yield SetDeclaration(family.named("services"), service, Part.PORT)
    yield SetDeclaration(family.named("returns"), service, Part.PORT)
    yield SetDeclaration(family.named("rewritten"), service)
    yield SetDeclaration(family.named("refusable"), service)
    yield SetDeclaration(family.named("received"), address, counted=True)
    yield SetDeclaration(family.named("sent"), address, counted=True)


def _base_chains(behaviour: Behaviour, families: tuple[Family, ...]) -> Iterator[Chain]:
    outside, inside = HookPoint.PREROUTING, HookPoint.OUTPUT
    for chain, rules, hook in (
        ("prerouting", _from_lan, Hook(outside, _BEFORE_CONNTRACK)),
        ("output", _from_here, Hook(inside, _BEFORE_CONNTRACK)),
    ):
        yield Chain(chain, tuple(rules(families, "arrive")), hook)
    known = State.ESTABLISHED | State.RELATED
    # What another rule of this node sends on untracked is not for us.
    for chain, rules, hook, states in (
        ("prerouting_open", _from_lan, Hook(outside, _BEFORE_THE_PROXY), known),
        (
            "output_open",
            _from_here,
            Hook(inside, _BEFORE_THE_PROXY, ChainKind.ROUTE),
            known | State.UNTRACKED,
        ),
    ):
        done = Rule("conntrack's NAT does the rest", (InState(states), Accept()))
        yield Chain(chain, (done, *rules(families, "open")), hook)
    if behaviour.ping:
        for chain, rules, hook in (
            ("prerouting_ping", _from_lan, Hook(outside, _FOR_PING, ChainKind.NAT)),
            ("output_ping", _from_here, Hook(inside, _FOR_PING, ChainKind.NAT)),
        ):
            yield Chain(chain, tuple(rules(families, "ping")), hook)
    if behaviour.unknown_ports is UnknownPorts.REJECT:
        untaken = tuple(_untaken(behaviour, families))
        yield Chain("prerouting_untaken", untaken, Hook(outside, _AFTER_THE_PROXY))
        yield Chain("output_untaken", untaken, Hook(inside, _AFTER_THE_PROXY))
    answers = tuple(
        Rule(
            "an answer",
            (
                *is_family(each),
                LoadConnection(Connection.DIRECTION),
                Compare(_REPLY),
                Goto(each.named("answer")),
            ),
        )
        for each in families
    )
    yield Chain("postrouting", answers, Hook(HookPoint.POSTROUTING, _AFTER_NAT))
    # What the node's own processes asked for does not leave.
    yield Chain("input", answers, Hook(HookPoint.INPUT, _AFTER_NAT))


def _untaken(behaviour: Behaviour, families: tuple[Family, ...]) -> Iterator[Rule]:
    for each in families:
        node = behaviour.node_address(each.version)
        if node is not None:
            at_node = (*destination(each), Compare(node.packed), InState(State.NEW))
            yield Rule(
                "sent to a NodePort, and no proxy has taken it",
                (*at_node, NotTranslated(), Goto(each.named("untaken"))),
            )


def _from_lan(families: tuple[Family, ...], chain: str) -> Iterator[Rule]:
    for each in families:
        yield Rule(
            "from a LAN that addresses are announced on",
            (
                LoadMeta(Meta.INPUT_INTERFACE),
                Lookup(INTERFACES),
                *destination(each),
                Lookup(each.named("guarded")),
                Goto(each.named(chain)),
            ),
        )
    yield from _from_here(families, chain)


def _from_here(families: tuple[Family, ...], chain: str) -> Iterator[Rule]:
    """From the node's own pods or processes: where the address is held, they are served here."""
    for each in families:
        yield Rule(
            "from the node itself, to what it holds",
            (*destination(each), Lookup(each.named("held")), Goto(each.named(chain))),
        )
