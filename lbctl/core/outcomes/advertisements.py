"""What is found of an L2Advertisement."""

from enum import StrEnum


class AdvertisementReason(StrEnum):
    """Why an L2Advertisement is Ready, or is not. The reason of its condition `Ready`."""

    READY = "Ready"
    """It names pools, nodes and interfaces that are there."""
    POOL_NOT_FOUND = "PoolNotFound"
    """Ready, but one of the pools that it names is not there."""
    TIMINGS_OVERRIDDEN = "TimingsOverridden"
    """Ready, but an older one is about the same pool and sets other timings, which are used."""
    SELECTS_NO_POOL = "SelectsNoPool"
    """No pool has the name or the labels that it asks for."""
    SELECTS_NO_NODE = "SelectsNoNode"
    """It selects no node that has a speaker."""
    INTERFACE_NOT_FOUND = "InterfaceNotFound"
    """It names interfaces, and no node that it selects has one of them."""

    @property
    def announces(self) -> bool:
        """Whether addresses can be announced by an L2Advertisement with this reason."""
        return self in {
            AdvertisementReason.READY,
            AdvertisementReason.POOL_NOT_FOUND,
            AdvertisementReason.TIMINGS_OVERRIDDEN,
        }
