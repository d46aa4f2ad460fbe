"""What becomes of a packet, in the chains of one family. Pure.

docs/handoff.md explains why each step is where it is.
"""

from collections.abc import Iterator

from speaker.netfilter.declarations import Chain, Rule
from speaker.netfilter.expressions import (
    Accept,
    Compare,
    Connection,
    Constant,
    Drop,
    Expression,
    Header,
    InState,
    LoadConnection,
    LoadMeta,
    Lookup,
    Meta,
    RejectPort,
    RejectReset,
    State,
    TranslateDestination,
    Write,
)
from speaker.netfilter.families import (
    DATA,
    DESTINATION_PORT,
    ICMP_CHECKSUM,
    QUOTE,
    SCTP,
    SOURCE_PORT,
    TCP,
    UDP,
    Family,
    destination,
    icmp_type,
    is_family,
    is_protocol,
    quoted,
    source,
    with_port,
)
from speaker.netfilter.rewrites import Behaviour, Protocol, UnknownPorts

_UDP_NUMBER = bytes([Protocol.UDP])


def chains(family: Family, behaviour: Behaviour, node: bytes) -> Iterator[Chain]:
    """The chains that base chains send packets to.

    Args:
        family: of the packets.
        behaviour: what holds for every address.
        node: the node's own address of that family.
    """
    yield Chain(family.named("arrive"), tuple(_arrive(family, behaviour)))
    yield Chain(family.named("open"), tuple(_open(family, behaviour, node)))
    if behaviour.ping:
        yield Chain(family.named("ping"), (_ping(family, node),))
    if behaviour.unknown_ports is UnknownPorts.REJECT:
        yield Chain(family.named("untaken"), tuple(_untaken(family)))
    yield Chain(family.named("answer"), tuple(_answer(family)))


# ---------------------------------------------------------------------- before conntrack


def _arrive(family: Family, behaviour: Behaviour) -> Iterator[Rule]:
    """UDP's ports alone: by its NodePort kube-proxy finds in conntrack what has gone stale."""
    yield Rule("count what comes", (*destination(family), Lookup(family.named("received"))))
    key = (*destination(family), *with_port(family, DESTINATION_PORT))
    for each in UDP:
        yield Rule(
            f"{each.name}: from the Service's port to its NodePort",
            (
                *is_protocol(each.number),
                *each.matching,
                *key,
                Lookup(family.named("services"), to=DATA),
                Write(Header.TRANSPORT, DESTINATION_PORT, 2, DATA, each.checksum),
                Accept(),
            ),
        )
    by_itself = (*is_protocol(_UDP_NUMBER), *key, Lookup(family.named("rewritten")))
    refusal = RejectPort() if behaviour.unknown_ports is UnknownPorts.REJECT else Drop()
    yield Rule("the NodePort is no port of the address", (*by_itself, refusal))
    for error in family.errors:
        yield Rule(
            "an ICMP error about an answer: the port that it quotes",
            (
                *icmp_type(family),
                *error,
                *quoted(family, family.source_at, SOURCE_PORT),
                *_only_udp(family),
                Lookup(family.named("services"), to=DATA),
                _write_quoted(family, SOURCE_PORT),
                Accept(),
            ),
        )


# ---------------------------------------------------------------------- after it, before NAT


def _open(family: Family, behaviour: Behaviour, node: bytes) -> Iterator[Rule]:
    """The packet that opens a connection goes to the NodePort; conntrack knows it by the address.

    So its NAT turns all others of the connection, and the answers, and ICMP errors about them.
    """
    key = (*destination(family), *with_port(family, DESTINATION_PORT))
    to_node = (
        *is_family(family),
        Constant(node),
        Write(Header.NETWORK, family.destination_at, family.part.length, 0, family.mended),
        Accept(),
    )
    yield Rule(
        "a port that the cluster's proxy serves at the address",
        (*key, Lookup(family.named("passed")), Accept()),
    )
    yield Rule(
        "of no connection: a refusal might end a live one",
        (InState(State.INVALID | State.UNTRACKED), Drop()),
    )
    if behaviour.ping:
        echo = (*icmp_type(family), Compare(family.echo_request), Accept())
        yield Rule("ping", echo)
    for each in (TCP, SCTP):
        yield Rule(
            f"{each.name}: from the Service's port to its NodePort",
            (
                *is_protocol(each.number),
                *key,
                Lookup(family.named("services"), to=DATA),
                Write(Header.TRANSPORT, DESTINATION_PORT, 2, DATA, each.checksum),
                *to_node,
            ),
        )
    yield Rule(
        "UDP: its port is written already",
        (*is_protocol(_UDP_NUMBER), *key, Lookup(family.named("rewritten")), *to_node),
    )
    if behaviour.unknown_ports is UnknownPorts.REJECT:
        yield Rule("no such port", (*is_protocol(TCP.number), RejectReset()))
        for number in (_UDP_NUMBER, SCTP.number):
            yield Rule("no such port", (*is_protocol(number), RejectPort()))
    yield Rule("nothing else goes on", (Drop(),))


def _ping(family: Family, node: bytes) -> Rule:
    """Nobody else translates it, so it can be a plain NAT."""
    translate = (Constant(node), TranslateDestination(family.number))
    return Rule("ping", (*icmp_type(family), Compare(family.echo_request), *translate))


# ---------------------------------------------------------------------- after the proxy


def _untaken(family: Family) -> Iterator[Rule]:
    """A Service without pods: what the proxy says itself would be about the NodePort.

    So the packet gets back what the client wrote, and the refusal is about that.
    """
    asked = (
        *is_family(family),
        LoadConnection(family.asked),
        LoadMeta(Meta.PROTOCOL, family.key_end),
        LoadConnection(Connection.ASKED_PORT, family.key_end + 1),
        Lookup(family.named("refusable")),
    )
    address = Write(
        Header.NETWORK, family.destination_at, family.part.length, 0, family.mended
    )  # fmt: skip
    port_at = (Header.TRANSPORT, DESTINATION_PORT, 2)
    tcp = Write(*port_at, family.key_end + 1, TCP.checksum)
    yield Rule("TCP", (*is_protocol(TCP.number), *asked, tcp, address, RejectReset()))
    for each in UDP:
        back = Lookup(family.named("returns"), to=DATA)
        udp = Write(*port_at, DATA, each.checksum)
        told = (*is_protocol(each.number), *each.matching, *asked, back, udp, address)
        yield Rule(each.name, (*told, RejectPort()))


# ---------------------------------------------------------------------- after NAT


def _answer(family: Family) -> Iterator[Rule]:
    key = (*source(family), *with_port(family, SOURCE_PORT))
    for each in UDP:
        yield Rule(
            f"{each.name}: from the NodePort to the Service's port",
            (
                *is_protocol(each.number),
                *each.matching,
                *key,
                Lookup(family.named("returns"), to=DATA),
                Write(Header.TRANSPORT, SOURCE_PORT, 2, DATA, each.checksum),
            ),
        )
    for error in family.errors:
        yield Rule(
            "an ICMP error about what the client sent: the port that it quotes",
            (
                *icmp_type(family),
                *error,
                *quoted(family, family.destination_at, DESTINATION_PORT),
                Lookup(family.named("returns"), to=DATA),
                _write_quoted(family, DESTINATION_PORT),
            ),
        )
    yield Rule("count what goes", (*source(family), Lookup(family.named("sent"))))


def _write_quoted(family: Family, port_at: int) -> Expression:
    return Write(
        Header.TRANSPORT, QUOTE + family.header_bytes + port_at, 2, DATA, ICMP_CHECKSUM
    )  # fmt: skip


def _only_udp(family: Family) -> tuple[Expression, ...]:
    return (Compare(_UDP_NUMBER, family.key_end),)
