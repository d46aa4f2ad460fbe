"""When all is as it should be: what the tests of faults wait for."""

from typing import Any

from tests.cluster.oracle import Oracle


def at_rest(cluster: Oracle, count: int | None = None) -> bool:
    """Whether every Service has one address, every VirtualIP a Service, and the pool counts them.

    Args:
        cluster: with one pool, of IPv4.
        count: so many Services there are to be.
    """
    services, vips = cluster.services(), cluster.vips()
    pools = [*cluster.objects("ipaddresspools").values()]
    return (
        (count is None or len(services) == count)
        and all(len(shown) == 1 for shown in services.values())
        and {address for shown in services.values() for address in shown} == vips.keys()
        and [_used(pool) for pool in pools] == [len(vips)]
        and all(_told(vip) for vip in vips.values())
    )


def _used(pool: dict[str, Any]) -> int | None:
    used: int | None = ((pool.get("status") or {}).get("ipv4") or {}).get("used")
    return used


def _told(vip: dict[str, Any]) -> bool:
    """Whether the VirtualIP says how it is planned, as of what it is now."""
    conditions = (vip.get("status") or {}).get("conditions") or []
    return any(
        one["type"] == "Planned" and one["observedGeneration"] == vip["metadata"]["generation"]
        for one in conditions
    )
