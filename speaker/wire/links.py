"""What the kernel says about interfaces: an event when one changes, and whether it has a carrier.

rtnetlink, with the standard library alone and without any capability. An event only says that
something changed; what is so now is read anew. So an event that was lost (ENOBUFS: the kernel's
queue was full) costs a reading and never the truth. The kernel holds back the news of a lost
carrier for up to a second when there was other news of that kind just before
(net/core/link_watch.c); peers that fall silent are noticed by then.
"""

import errno
import logging
import os
import socket
import struct
from typing import Final, Self

_log: Final = logging.getLogger("speaker.wire")

_ROUTE: Final = 0  # NETLINK_ROUTE, <linux/netlink.h>
_GROUPS: Final = 0x1 | 0x10 | 0x100
"""RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, <linux/rtnetlink.h>."""
_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_NLM_F_REQUEST: Final = 1
_LOWER_UP: Final = 0x10000  # IFF_LOWER_UP, <linux/if.h>

_HEADER: Final = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
_LINK: Final = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, device type, index, flags, change."""
_BUFFER_BYTES: Final = 65536


def carrier_in(message: bytes, ifindex: int) -> bool | None:
    """Whether an interface has a carrier, by an RTM_NEWLINK message; None if it does not say."""
    if len(message) < _HEADER.size + _LINK.size:
        return None
    _, kind, *_ = _HEADER.unpack_from(message)
    _, _, index, flags, _ = _LINK.unpack_from(message, _HEADER.size)
    if kind != _RTM_NEWLINK or index != ifindex:
        return None
    return bool(flags & _LOWER_UP)


class Links:
    """The interfaces of the own network namespace, as rtnetlink shows them."""

    def __init__(self, events: socket.socket, asking: socket.socket) -> None:
        self._events = events
        self._asking = asking

    @classmethod
    def open(cls) -> Self | None:
        """Subscribe to changes; None where the kernel has no rtnetlink for us."""
        opened: list[socket.socket] = []
        try:
            for groups in (_GROUPS, 0):
                opened.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _ROUTE))
                opened[-1].settimeout(0)
                opened[-1].bind((0, groups))
        except OSError as error:
            _log.warning("no events of interfaces, they are looked at now and then: %s", error)
            for one in opened:
                one.close()
            return None
        return cls(*opened)

    def fileno(self) -> int:
        return self._events.fileno()

    def close(self) -> None:
        """Give both sockets back."""
        self._events.close()
        self._asking.close()

    def drain(self) -> bool:
        """Whether anything has changed since the last call."""
        changed = False
        while True:
            try:
                self._events.recv(_BUFFER_BYTES)
            except BlockingIOError:
                return changed
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
            changed = True

    def has_carrier(self, ifindex: int) -> bool:
        """Whether the interface has one. Who cannot tell believes so: frames decide then."""
        body = _LINK.pack(socket.AF_UNSPEC, 0, ifindex, 0, 0)
        length = _HEADER.size + len(body)
        request = _HEADER.pack(length, _RTM_GETLINK, _NLM_F_REQUEST, 1, 0) + body
        try:
            while self._asking.recv(_BUFFER_BYTES):
                pass  # an answer that came too late for its question
        except OSError:
            pass
        try:
            self._asking.send(request)
            # The kernel answers within the call, so nothing is waited for.
            said = carrier_in(self._asking.recv(_BUFFER_BYTES), ifindex)
        except OSError as error:
            _log.debug(
                "whether interface %d has a carrier: %s", ifindex, os.strerror(error.errno or 0)
            )
            return True
        return True if said is None else said
