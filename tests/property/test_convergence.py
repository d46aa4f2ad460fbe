"""What the ledger says follows from what there is, never from the order in which it was learned.

Watches, sweeping lists and the answers to own writes bring news early, late and twice; objects are
seen in states that they have left. Two replicas with different pasts must decide alike.
"""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from lbctl.core.addresses import Family
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.objects.services import VIP_MODE, Ingress, ServiceKey, ServiceView
from lbctl.core.objects.virtualips import Release, VirtualIPView
from tests.property import people
from tests.property.people import KEYS, NAMESPACES, POOLS, SUBNETS, addresses, golden
from tests.unit.core.builders import OURS

Step = Callable[[Ledger], None]


@st.composite
def services(draw: st.DrawFn, key: ServiceKey) -> ServiceView:
    shown = draw(st.lists(addresses, max_size=1))
    return ServiceView(
        *key,
        uid=draw(st.sampled_from(["one", "another"])),
        created=draw(st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])),
        labels=draw(golden),
        families=(draw(st.sampled_from(Family)),),
        ingress=tuple(Ingress(ip=str(address), ip_mode=VIP_MODE) for address in shown),
    )


@st.composite
def virtual_ips(draw: st.DrawFn) -> VirtualIPView:
    bare = VirtualIPView(draw(addresses))
    owner = draw(st.none() | st.sampled_from(KEYS).flatmap(services))
    if owner is not None:
        return replace(bare, services=(owner.ref,))
    return replace(bare, release=draw(st.sampled_from([None, Release("n1")])))


def _pool(name: str) -> st.SearchStrategy[Step]:
    put = people.seeded(people.pool).map(
        lambda one: replace(one, name=name, created="2026-01-01T00:00:00Z")
    )
    return put.map(lambda one: lambda ledger: ledger.put_pool(one)) | st.just(
        lambda ledger: ledger.drop_pool(name)
    )


def _service(key: ServiceKey) -> st.SearchStrategy[Step]:
    return services(key).map(lambda one: lambda ledger: ledger.put_service(one)) | st.just(
        lambda ledger: ledger.drop_service(key)
    )


def _virtual_ip() -> st.SearchStrategy[tuple[object, Step]]:
    put = virtual_ips().map(lambda one: (one.address, lambda ledger: ledger.put_virtual_ip(one)))
    drop = addresses.map(lambda at: (at, lambda ledger: ledger.drop_virtual_ip(at)))
    return put | drop


def _node(name: str) -> st.SearchStrategy[Step]:
    own = st.frozensets(addresses, max_size=2)
    lan = st.frozensets(st.sampled_from(SUBNETS).map(ip_network))

    def step(drawn: tuple[frozenset[object], frozenset[object]]) -> Step:
        def put(ledger: Ledger) -> None:
            ledger.put_node(name, drawn[0], drawn[0])  # type: ignore[arg-type]  # of either family
            ledger.put_lan(name, drawn[1])  # type: ignore[arg-type]  # the same

        return put

    return st.tuples(own, lan).map(step) | st.just(lambda ledger: ledger.drop_node(name))


def _namespace(name: str) -> st.SearchStrategy[Step]:
    return golden.map(lambda labels: lambda ledger: ledger.put_namespace(name, labels)) | st.just(
        lambda ledger: ledger.drop_namespace(name)
    )


def _named(name: object, step: st.SearchStrategy[Step]) -> st.SearchStrategy[tuple[object, Step]]:
    return step.map(lambda one: (name, one))


news: st.SearchStrategy[tuple[object, Step]] = st.one_of(
    st.sampled_from(POOLS).flatmap(lambda name: _named(name, _pool(name))),
    st.sampled_from(KEYS).flatmap(lambda key: _named(key, _service(key))),
    _virtual_ip(),
    _virtual_ip(),
    st.sampled_from(["n1", "n2"]).flatmap(lambda name: _named(name, _node(name))),
    st.sampled_from(NAMESPACES).flatmap(lambda name: _named(name, _namespace(name))),
)
"""Something that is put or dropped, by the name of what it is about."""


@given(st.data(), st.lists(news, max_size=40))
def test_two_pasts_with_one_end_decide_alike(
    data: st.DataObject, history: list[tuple[object, Step]]
) -> None:
    lived = Ledger()
    for _, step in history:
        step(lived)
        if data.draw(st.booleans()):
            _ask(lived)
    last = dict(history)  # Of each object, what was learned of it at last.
    fresh = Ledger()
    for name in data.draw(st.permutations(sorted(last, key=str))):
        last[name](fresh)
    for name in data.draw(st.permutations(sorted(last, key=str))):
        last[name](lived)
    assert _ask(lived) == _ask(fresh)


def _ask(ledger: Ledger) -> object:
    """All that anybody asks of a ledger."""
    found = {finding.pool.name: finding for finding in ledger.findings()}
    of_pools = {
        (name, family): (
            finding.reason,
            finding.message,
            ledger.counts(name, family),
            ledger.lowest_free(name, family),
            ledger.shortage(name, family),
        )
        for name, finding in found.items()
        for family in Family
    }
    quotas = {(p, n): ledger.used_by_namespace(p, n) for p in found for n in NAMESPACES}
    return of_pools, quotas, {key: decide(key, ledger, OURS) for key in KEYS}
