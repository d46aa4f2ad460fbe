"""From the plan to what the node's table is to do, and to what its condition says."""

import errno
import os
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lbctl.core.objects.services import Port, ServiceKey, ServiceRef
from lbctl.core.objects.virtualips import Terms, VirtualIPView
from lbctl.core.outcomes import NodePortReason
from speaker.agent.nodeports import (
    condition,
    known,
    reason_of,
    rewritten,
    servable,
    wanted,
    without_a_node_address,
)
from speaker.messages import AddressReport, Entry, Role, State
from speaker.netfilter.keeper import Wanted
from speaker.netfilter.rewrites import Behaviour, Guarded, Protocol, ServicePort

V4, V6 = "192.0.2.10", "2001:db8::10"
HERE = Behaviour((ip_address("192.0.2.1"),))
WEB, DNS = Port("TCP", 80), Port("UDP", 53)


def view(
    address: str = V4, *ports: Port, node_ports: dict[Port, int] | None = None
) -> VirtualIPView:
    return VirtualIPView(
        address=ip_address(address),
        services=(ServiceRef(ServiceKey("shop", "web"), "u1"),),
        terms={"u1": Terms(ports or (WEB,))},
        succession=("n1", "n2"),
        node_ports=node_ports or {},
    )


def entry(address: str = V4, role: Role = Role.CLAIM) -> Entry:
    return Entry(address, "eth0", 2, "02:00:00:00:00:01", role)


def report(state: State, address: str = V4) -> dict[str, AddressReport]:
    return {address: AddressReport(address, state, interface="eth0")}


def of(
    entries: Iterable[Entry],
    *views: VirtualIPView,
    reports: dict[str, AddressReport] | None = None,
    before: Wanted | None = None,
) -> Wanted:
    return wanted(HERE, entries, views, reports or {}, before)


def test_a_port_that_the_proxy_serves_at_the_address_is_let_through() -> None:
    assert of([entry()], view(V4, WEB, DNS)) == Wanted(
        HERE,
        (Guarded(ip_address(V4), (ServicePort(Protocol.TCP, 80), ServicePort(Protocol.UDP, 53))),),
        frozenset({"eth0"}),
    )


def test_a_node_port_is_written() -> None:
    (guarded,) = of([entry()], view(node_ports={WEB: 30_080})).guarded
    assert guarded.ports == (ServicePort(Protocol.TCP, 80, 30_080),)


def test_where_only_local_pods_count_a_node_without_one_is_silent() -> None:
    """And where it is not known whose port it is."""
    local = VirtualIPView(
        ip_address(V4),
        terms={"u1": Terms((WEB,), "app=web")},
        node_ports={WEB: 30_080, DNS: 30_053},
    )
    (guarded,) = of([entry()], local).guarded
    assert [each.local for each in guarded.ports] == [True, True]


def test_a_port_that_has_no_node_port_yet_is_let_through() -> None:
    """A Service has just joined: its ports are refused to nobody until the plan names them."""
    (guarded,) = of([entry()], view(V4, WEB, DNS, node_ports={WEB: 30_080})).guarded
    assert guarded.ports == (
        ServicePort(Protocol.TCP, 80, 30_080), ServicePort(Protocol.UDP, 53)
    )  # fmt: skip


def test_who_is_sent_to_node_ports() -> None:
    there = of([entry(), entry(V6)], view(node_ports={WEB: 30_080}), view(V6, WEB))
    assert rewritten(there, there) == {V4}
    lacking = of([entry(V6)], view(V6, node_ports={WEB: 30_080}))
    assert rewritten(lacking, lacking) == set()


def test_whose_pings_the_table_answers() -> None:
    """Of a family that the node has no address of, and where not all ports are known, none."""
    many = [Port("TCP", number) for number in range(1, 257)]
    there = of([entry(), entry(V6), entry(OTHER)], view(), view(V6), view(OTHER, *many))
    assert known(there) == {V4}


OTHER = "192.0.2.11"
SENT = Guarded(ip_address(V4), (ServicePort(Protocol.TCP, 80, 30_080),))


@pytest.mark.parametrize(
    ("rule", "there", "found"),
    [
        ("as it is wanted", (SENT,), {V4}),
        ("of a new address the table knows nothing", (), set()),
        ("the table has a nodePort that counts no more",
         (replace(SENT, ports=(ServicePort(Protocol.TCP, 80, 1),)),), set()),
        ("whether it is held is about the node's own clients alone",
         (replace(SENT, held=True),), {V4}),
        ("what is there and not wanted is not served",
         (SENT, replace(SENT, address=ip_address(OTHER))), {V4}),
    ],
)  # fmt: skip
def test_where_the_kernel_refused_a_change_what_is_there_as_wanted_counts(
    rule: str, there: tuple[Guarded, ...], found: set[str]
) -> None:
    asked = Wanted(HERE, (SENT,), frozenset({"eth0"}))
    assert rewritten(replace(asked, guarded=there), asked) == found, rule
    assert rewritten(Wanted(HERE, there), asked) == set(), "not from another LAN"


@pytest.mark.parametrize(
    ("role", "guarded"), [(Role.CLAIM, True), (Role.KEEP, True), (Role.VERIFY, False)]
)
def test_a_standby_is_ready_before_it_holds(role: Role, *, guarded: bool) -> None:
    """And an address that is being released has nothing to serve."""
    assert bool(of([entry(role=role)], view()).guarded) == guarded


@pytest.mark.parametrize(
    ("state", "held"), [(state, state is State.HOLDING) for state in State], ids=lambda each: each
)
def test_the_nodes_own_clients_follow_the_holder(state: State, *, held: bool) -> None:
    (guarded,) = of([entry()], view(), reports=report(state)).guarded
    assert guarded.held is held


def test_an_address_stays_until_the_wire_is_silent_about_it() -> None:
    before = of([entry()], view(), reports=report(State.HOLDING))
    still = of([], reports=report(State.HOLDING), before=before)
    assert still == before
    assert of([], reports=report(State.IDLE), before=still) == Wanted(HERE)


def test_where_not_all_ports_are_known_nothing_is_refused() -> None:
    """A VirtualIP names 256 ports of a Service, and one of an older operator none."""
    many = [Port("TCP", number) for number in range(1, 257)]
    assert of([entry()], view(V4, *many)).guarded == ()
    nothing_said = VirtualIPView(ip_address(V4), terms={"u1": Terms()})
    assert of([entry()], nothing_said).guarded == ()
    assert of([entry()], view(V4, *many, node_ports={WEB: 30_080})).guarded


def test_a_family_that_the_node_does_not_have() -> None:
    """With the proxy's own rules it does not matter."""
    sent = view(V6, node_ports={WEB: 30_080})
    assert without_a_node_address(of([entry(V6)], sent)) == ip_address(V6)
    assert without_a_node_address(of([entry(V6)], view(V6))) is None
    assert without_a_node_address(of([entry()], view(node_ports={WEB: 30_080}))) is None


@pytest.mark.parametrize(
    ("rule", "node_ports", "sent", "able"),
    [
        ("the proxy needs no table", {}, set(), True),
        ("nothing is written without a table", {WEB: 30_080}, set(), False),
        ("nor by one that does not have it", {WEB: 30_080}, {OTHER}, False),
        ("a table that has it writes it", {WEB: 30_080}, {V4}, True),
    ],
)
def test_what_a_node_can_serve(
    rule: str, node_ports: dict[Port, int], sent: set[str], *, able: bool
) -> None:
    assert servable(view(node_ports=node_ports), sent) is able, rule


def test_on_the_way_back_to_the_proxy_no_table_is_needed() -> None:
    """As when the value is turned off, and the last node with a table hands over."""
    back = replace(view(node_ports={WEB: 30_080}), node_ports_until="2026-01-01T00:00:15Z")
    assert servable(back, ())
    assert of([entry()], back).guarded[0].ports[0].node_port == 30_080, "who has one, uses it"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EPERM, NodePortReason.NO_PERMISSION),
        (errno.EPROTONOSUPPORT, NodePortReason.NO_NFTABLES),
        (errno.EOPNOTSUPP, NodePortReason.NO_NFTABLES),
        (errno.ENOENT, NodePortReason.NO_NFTABLES),
        (errno.ENOMEM, NodePortReason.KERNEL_REFUSED),
    ],
)
def test_what_the_kernels_refusal_means(code: int, reason: NodePortReason) -> None:
    assert reason_of(OSError(code, os.strerror(code))) is reason


@pytest.mark.parametrize("reason", NodePortReason)
def test_each_reason_has_a_sentence(reason: NodePortReason) -> None:
    said = condition(reason, "Operation not permitted")
    assert said.status is reason.ready
    assert said.message.endswith(".")


def test_the_condition_says_what_mends_it() -> None:
    assert "handOff.nodePort.enabled" in condition(NodePortReason.NO_PERMISSION, "x").message
