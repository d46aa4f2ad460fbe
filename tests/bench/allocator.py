"""How much CPU time the allocator takes: `python -m tests.bench.allocator`.

Each round decides for so many new Services, one after the other, as the reconciler does: decide,
record the VirtualIP, decide again, record the status. Then every second one is deleted and given
anew, so that the lowest free address has to be found among holes.
"""

from itertools import islice
from time import process_time

from lbctl.core.addresses import Address
from lbctl.core.allocation import Give, Keep, decide
from lbctl.core.ledger import Ledger
from lbctl.core.pools import PoolView
from lbctl.core.services import VIP_MODE, Ingress, Ownership, ServiceView
from lbctl.core.virtualips import VirtualIPView

ROUNDS = (1_000, 5_000, 20_000)
OWNERSHIP = Ownership()


def main() -> None:
    print(f"{'Services':>9} {'all given':>10} {'per Service':>12} {'half again':>11}")
    for count in ROUNDS:
        ledger = Ledger()
        ledger.put_pool(PoolView("lab", "2026-01-01T00:00:00Z", ("172.16.0.0/16",)))
        services = [_service(number) for number in range(count)]
        filled = _timed(ledger, services)
        holes = services[::2]
        for service in holes:
            _forget(ledger, service)
        refilled = _timed(ledger, holes)
        each = filled / count * 1e6
        print(f"{count:>9,} {filled:>8.2f} s {each:>9.1f} us {refilled:>9.2f} s")


def _timed(ledger: Ledger, services: list[ServiceView]) -> float:
    start = process_time()
    for service in services:
        _serve(ledger, service)
    return process_time() - start


def _serve(ledger: Ledger, service: ServiceView) -> None:
    ledger.put_service(service)
    given = decide(service.key, ledger, OWNERSHIP).action
    assert isinstance(given, Give)
    ledger.put_virtual_ip(VirtualIPView(given.address, pool=given.pool, service=service.ref))
    kept = decide(service.key, ledger, OWNERSHIP).action
    assert isinstance(kept, Keep)
    ledger.put_service(_service(int(service.name), kept.address))


def _forget(ledger: Ledger, service: ServiceView) -> None:
    ledger.drop_service(service.key)
    for gone in list(islice(ledger.virtual_ips_of(service.key), 1)):
        ledger.drop_virtual_ip(gone.address)


def _service(number: int, address: Address | None = None) -> ServiceView:
    shown = () if address is None else (Ingress(ip=str(address), ip_mode=VIP_MODE),)
    return ServiceView(
        "default", str(number), f"uid-{number}", "2026-01-01T00:00:00Z", ingress=shown
    )


if __name__ == "__main__":
    main()
