"""What the wire may do: send and receive raw packets, and nothing else.

The container may have been given more, for the agent's sake.
"""

import ctypes
import struct
from typing import Final

_NET_RAW: Final = 1 << 13
_VERSION: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_HEADER: Final = struct.Struct("=Ii")
"""Version, process (0: this one)."""
_SETS: Final = struct.Struct("=6I")
"""Effective, permitted and inheritable, of the first 32 capabilities and then of the others."""


def keep_net_raw_alone() -> bool:
    """Give up every other capability for ever. False where the kernel says no."""
    libc = ctypes.CDLL(None)
    header = ctypes.create_string_buffer(_HEADER.pack(_VERSION, 0))
    sets = ctypes.create_string_buffer(_SETS.size)
    if libc.capget(header, sets):
        return False
    effective, permitted, *_ = _SETS.unpack(sets.raw[: _SETS.size])
    kept = _SETS.pack(effective & _NET_RAW, permitted & _NET_RAW, 0, 0, 0, 0)
    failed: int = libc.capset(header, ctypes.create_string_buffer(kept))
    return not failed
