"""MetalLB's annotations on Services, in the order in which they are looked at."""

from typing import Final

from lbctl.core.metallb.reading import GROUP
from lbctl.core.objects.requests import LBCTL, Dialect

_PREFIXES: Final = (GROUP, "metallb.universe.tf")
"""The second one is of old; MetalLB reads it still."""

METALLB: Final = Dialect(
    addresses=(*LBCTL.addresses, *(f"{prefix}/loadBalancerIPs" for prefix in _PREFIXES)),
    pools=(*LBCTL.pools, *(f"{prefix}/address-pool" for prefix in _PREFIXES)),
    sharing_key=(*LBCTL.sharing_key, *(f"{prefix}/allow-shared-ip" for prefix in _PREFIXES)),
    granted_from=f"{GROUP}/ip-allocated-from-pool",
)
"""Our own annotations first: who writes one means lbctl."""
