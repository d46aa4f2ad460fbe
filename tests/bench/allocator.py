"""How much CPU time the allocator takes: `python -m tests.bench.allocator`.

Each Service is decided for as the reconciler does it: decide, record the VirtualIP, decide again,
record the status. Python searches for cycles as seldom as in the operator. All is allocated in
several runs, which are printed: the least of them is what the code takes, and what others take more
is the machine's other work. Exit code 1 when that is longer than is promised.
"""

import sys
from collections.abc import Iterable
from statistics import median
from time import process_time

from lbctl.core.addresses import Address, Family
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.tenancy import made_for
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.services import VIP_MODE, Ingress, Ownership, ServiceView
from lbctl.operator.garbage import collect_seldom
from tests.bench.conditions import machine, revision

MANY = 20_000
RUNS = 3
PROMISED_SECONDS = 2.0
USED = (100, 1_000, 10_000, 60_000)
"""So many addresses are in use when the cost of one more is measured."""
SAMPLE = 1_000
OWNERSHIP = Ownership()
POOLS = {Family.IPV4: "172.16.0.0/16", Family.IPV6: "fd00:16::/64"}


def main() -> int:
    """Measure and print; the exit code."""
    print(f"{machine()}; commit {revision()}")
    collect_seldom()
    took = {family: [_fill(family) for _ in range(RUNS)] for family in Family}
    for family, runs in took.items():
        all_given, half_again = (
            " ".join(f"{one:.2f}" for one in each) for each in zip(*runs, strict=True)
        )
        print(f"{MANY:,} of {POOLS[family]}: {all_given} s; every second again: {half_again} s")
    print(f"{'in use':>8} {'one more':>10}   {'one of a hole':>13}")
    for count in USED:
        more, again = _one_more(count)
        print(f"{count:>8,} {more * 1e6:>7.0f} us   {again * 1e6:>10.0f} us")
    slowest = max(min(given for given, _ in runs) for runs in took.values())
    return 0 if slowest < PROMISED_SECONDS else 1


def _fill(family: Family) -> tuple[float, float]:
    """Seconds for all, and for every second one after these were deleted."""
    ledger = _ledger(family)
    services = [_service(number, family) for number in range(MANY)]
    filled = _timed(ledger, services)
    for service in services[::2]:
        _forget(ledger, service)
    return filled, _timed(ledger, services[::2])


def _one_more(count: int) -> tuple[float, float]:
    """Median seconds for one allocation while so many are in use, at the end and in holes.

    The median, because now and then one of them pays for Python's garbage collection.
    """
    ledger = _ledger(Family.IPV4)
    for number in range(count):
        _serve(ledger, _service(number, Family.IPV4))
    new = [_service(number, Family.IPV4) for number in range(count, count + SAMPLE)]
    more = median(_timed(ledger, [service]) for service in new)
    holes = new[::2]
    for service in holes:
        _forget(ledger, service)
    return more, median(_timed(ledger, [service]) for service in holes)


def _ledger(family: Family) -> Ledger:
    ledger = Ledger()
    ledger.put_pool(PoolView("lab", "2026-01-01T00:00:00Z", (POOLS[family],)))
    return ledger


def _timed(ledger: Ledger, services: Iterable[ServiceView]) -> float:
    start = process_time()
    for service in services:
        _serve(ledger, service)
    return process_time() - start


def _serve(ledger: Ledger, service: ServiceView) -> None:
    ledger.put_service(service)
    (given,) = decide(service.key, ledger, OWNERSHIP).takes
    ledger.put_virtual_ip(made_for(service, given.address, given.pool))
    kept = decide(service.key, ledger, OWNERSHIP)
    assert kept.takes == ()
    assert kept.status is not None
    ledger.put_service(_service(int(service.name), service.families[0], given.address))


def _forget(ledger: Ledger, service: ServiceView) -> None:
    ledger.drop_service(service.key)
    for gone in ledger.virtual_ips_of(service.key):
        ledger.drop_virtual_ip(gone.address)


def _service(number: int, family: Family, address: Address | None = None) -> ServiceView:
    shown = () if address is None else (Ingress(ip=str(address), ip_mode=VIP_MODE),)
    return ServiceView(
        "default",
        str(number),
        f"uid-{number}",
        "2026-01-01T00:00:00Z",
        families=(family,),
        ingress=shown,
    )


if __name__ == "__main__":
    sys.exit(main())
