"""The table's shape: what the kernel would refuse is found without one."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from speaker.netfilter.contents import contents
from speaker.netfilter.declarations import Part, Rule, Table, length_of, type_of
from speaker.netfilter.expressions import (
    Compare,
    Connection,
    Constant,
    Expression,
    Goto,
    Load,
    LoadConnection,
    LoadMeta,
    Lookup,
    Meta,
    RejectPort,
    RejectReset,
    TranslateDestination,
    Write,
)
from speaker.netfilter.families import V4
from speaker.netfilter.rewrites import Behaviour, Guarded, Protocol, ServicePort, UnknownPorts
from speaker.netfilter.table import table

NODE4, NODE6 = ip_address("192.0.2.1"), ip_address("2001:db8::1")
DUAL = table(Behaviour((NODE4, NODE6)))


def rules(made: Table) -> Iterator[Rule]:
    for chain in made.chains:
        yield from chain.rules


@pytest.mark.parametrize("made", [DUAL, table(Behaviour((NODE4,))), table(Behaviour((NODE6,)))])
def test_every_goto_and_every_lookup_leads_somewhere(made: Table) -> None:
    chains, sets = {each.name for each in made.chains}, {each.name: each for each in made.sets}
    for rule in rules(made):
        for each in rule.expressions:
            if isinstance(each, Goto):
                assert each.chain in chains, rule.comment
            elif isinstance(each, Lookup):
                assert (each.to is not None) == (sets[each.name].data is not None), rule.comment


_CONNECTION_BYTES = {
    Connection.DIRECTION: 1,
    Connection.ASKED_PORT: 2,
    Connection.ASKED_IPV4: 4,
    Connection.ASKED_IPV6: 16,
}
_META_BYTES = {Meta.INPUT_INTERFACE: 16, Meta.FAMILY: 1, Meta.PROTOCOL: 1}
SETS = {each.name: each for each in DUAL.sets}


def fills(step: Expression) -> tuple[int, int]:
    """The register that a step writes to, and how many bytes."""
    match step:
        case Load(length=length, to=to):
            return to, length
        case LoadMeta(key=key, to=to):
            return to, _META_BYTES[key]
        case LoadConnection(key=key, to=to):
            return to, _CONNECTION_BYTES[key]
        case Constant(value=value, to=to):
            return to, len(value)
        case Lookup(name=name, to=int(to)) if data := SETS[name].data:
            return to, data.length
        case _:
            return 0, 0


def reads(step: Expression) -> tuple[int, int]:
    """The register that a step reads from, and how many bytes."""
    match step:
        case Lookup(name=name, key=key):
            return key, length_of(SETS[name].key)
        case Compare(value=value, register=register):
            return register, len(value)
        case Write(length=length, source=source):
            return source, length
        case TranslateDestination(family=number, address=address):
            return address, 4 if number == V4.number else 16
        case _:
            return 0, 0


def registers(first: int, length: int) -> range:
    return range(first, first + -(-length // 4))


def test_a_register_is_filled_before_it_is_read() -> None:
    """And a key is as long as that of the set where it is looked up."""
    for rule in rules(DUAL):
        filled: set[int] = set()
        for step in rule.expressions:
            assert filled.issuperset(registers(*reads(step))), rule.comment
            filled.update(registers(*fills(step)))


def test_a_key_of_several_parts_reaches_no_register_of_data() -> None:
    widest = max(length_of(each.key) for each in DUAL.sets)
    assert widest // 4 <= 8


def test_a_family_without_an_address_of_the_node_has_nothing() -> None:
    """What would its packets be rewritten to?"""
    made = table(Behaviour((NODE6,)))
    assert not [each for each in made.sets if each.name.endswith("4")]
    assert not [each for each in made.chains if each.name.endswith("4")]
    guarded = [Guarded(ip_address("192.0.2.10")), Guarded(ip_address("2001:db8::10"))]
    assert contents(made, guarded, [])["guarded6"] == {guarded[1].address.packed: b""}


@pytest.mark.parametrize(
    ("unknown_ports", "refusals"), [(UnknownPorts.REJECT, 14), (UnknownPorts.DROP, 0)]
)
def test_refusals_where_they_are_wanted(unknown_ports: UnknownPorts, refusals: int) -> None:
    made = table(Behaviour((NODE4, NODE6), unknown_ports))
    found = [
        each
        for rule in rules(made)
        for each in rule.expressions
        if isinstance(each, RejectReset | RejectPort)
    ]
    assert len(found) == refusals


def test_what_a_map_gives_is_used() -> None:
    """`nft list` shows a lookup by its result: one without would be a rule for every packet."""
    for rule in rules(DUAL):
        given = {step.to for step in rule.expressions if isinstance(step, Lookup)} - {None}
        used = {step.source for step in rule.expressions if isinstance(step, Write)}
        assert given <= used, rule.comment


def test_each_comment_fits() -> None:
    """libnftnl gives it one byte for its length."""
    assert max(len(rule.comment.encode()) for rule in rules(DUAL)) < 127


def test_types_as_nft_numbers_them() -> None:
    """In nft 1.0 and later: ipv4_addr . inet_proto . inet_service is 7 << 12 | 12 << 6 | 13."""
    assert type_of((Part.IPV4, Part.PROTOCOL, Part.PORT)) == 29_453
    assert length_of((Part.IPV6, Part.PROTOCOL, Part.PORT)) == 24


# ---------------------------------------------------------------------- what sets hold

WEB = ServicePort(Protocol.TCP, 80, 30_080)
DNS = ServicePort(Protocol.UDP, 53)
HERE = ip_address("192.0.2.10")


def held_by(guarded: Guarded) -> dict[str, dict[bytes, bytes]]:
    found = contents(DUAL, [guarded], [])
    return {name: elements for name, elements in found.items() if elements}


def test_a_node_port_for_each_port() -> None:
    address = HERE.packed
    assert held_by(Guarded(HERE, (WEB,))) == {
        "guarded4": {address: b""},
        "received4": {address: b""},
        "sent4": {address: b""},
        "services4": {address + b"\x06\0\0\0\0\x50\0\0": (30_080).to_bytes(2, "big")},
        "refusable4": {address + b"\x06\0\0\0\0\x50\0\0": b""},
    }


def test_udp_has_a_way_back_of_its_own() -> None:
    """Its port is rewritten where conntrack does not see it."""
    found = held_by(Guarded(HERE, (ServicePort(Protocol.UDP, 53, 30_053),)))
    key = HERE.packed + b"\x11\0\0\0"
    node_port = (30_053).to_bytes(2, "big")
    assert found["services4"] == {key + b"\0\x35\0\0": node_port}
    assert found["returns4"] == {key + node_port + b"\0\0": b"\0\x35"}
    assert found["rewritten4"].keys() == found["returns4"].keys()
    assert found["refusable4"].keys() == found["returns4"].keys(), "as conntrack knows it"


def test_where_only_local_pods_count_nothing_is_refused() -> None:
    found = held_by(Guarded(HERE, (ServicePort(Protocol.TCP, 80, 30_080, local=True),)))
    assert "refusable4" not in found


def test_a_port_that_the_proxy_serves_itself_is_only_let_through() -> None:
    found = held_by(Guarded(HERE, (DNS,)))
    assert found["passed4"] == {HERE.packed + b"\x11\0\0\0\0\x35\0\0": b""}
    assert not found.keys() & {"services4", "returns4", "rewritten4"}


def test_only_what_is_held_serves_the_nodes_own_clients() -> None:
    assert "held4" not in held_by(Guarded(HERE, (WEB,)))
    assert held_by(Guarded(HERE, (WEB,), held=True))["held4"] == {HERE.packed: b""}
