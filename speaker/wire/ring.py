"""The kernel's ring of received frames (PACKET_RX_RING of packet(7)), mapped into this process.

A packet socket's own queue counts what the network driver allocated for a frame, not the frame:
with the kernel's default limit some 90 ARP frames of a real card fill it, which is 4 ms at 20,000
frames a second, less than a busy machine's scheduler takes now and then. A question that finds no
room is asked again after a second. The ring has slots, and a question waits in one.

Slots are read and given back in order, which is all that TPACKET_V2 asks for. It needs no
capability beyond that for the socket.
"""

import mmap
import os
import socket
import struct
from typing import Final, Self

SLOTS: Final = 2048
"""A tenth of a second at 20,000 frames a second."""

_SOL_PACKET: Final = 263
_PACKET_VERSION, _PACKET_RX_RING = 10, 5  # <linux/if_packet.h>
_TPACKET_V2: Final = 1
_KERNELS, _OURS = 0, 1  # TP_STATUS_KERNEL, TP_STATUS_USER

_STATUS: Final = struct.Struct("=I")
_HEADER: Final = struct.Struct("=IIIH18xHHiHB")
"""struct tpacket2_hdr: status, length, captured, offset of the frame; then, after the padding to
TPACKET_ALIGNMENT, struct sockaddr_ll: family, protocol, interface, hardware type, packet type."""
_FRAME_AT: Final = 66
"""Where the kernel puts an Ethernet frame in a slot, so that the payload is aligned."""
_BLOCK_BYTES: Final = 1 << 16


class Ring:
    """The frames that a packet socket has received.

    Args:
        raw: a packet socket of ours; it stays the caller's.
        memory: the ring, as `of` mapped it.
        slot_bytes: of one frame.
    """

    def __init__(self, raw: socket.socket, memory: mmap.mmap, slot_bytes: int) -> None:
        self._raw = raw
        self._memory = memory
        self._view = memoryview(memory)
        self._slot_bytes = slot_bytes
        self._at = 0

    @classmethod
    def of(cls, raw: socket.socket, *, frame_bytes: int) -> Self:
        """Make a socket receive into a ring, before it is bound to an interface.

        Args:
            raw: the socket.
            frame_bytes: as much of a frame as is kept.

        Raises:
            OSError: the kernel has no memory for it.
        """
        slot = 1 << (_FRAME_AT + frame_bytes - 1).bit_length()
        size = SLOTS * slot
        raw.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        request = struct.pack("=IIII", _BLOCK_BYTES, size // _BLOCK_BYTES, slot, SLOTS)
        raw.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        try:
            return cls(raw, mmap.mmap(raw.fileno(), size), slot)
        except OSError:
            # With a ring that nobody sees, the socket's own queue would stay empty.
            raw.setsockopt(_SOL_PACKET, _PACKET_RX_RING, bytes(len(request)))
            raise

    def close(self) -> None:
        """Give the memory back. The socket is the caller's to close."""
        self._view.release()
        self._memory.close()

    def receive_into(self, buffer: bytearray) -> tuple[int, int, int] | None:
        """Length, packet type and interface of the next frame; None when there is none.

        Raises:
            OSError: the interface went down or vanished.
        """
        at = self._at
        status, _, length, offset, _, _, ifindex, _, packet_type = _HEADER.unpack_from(
            self._memory, at
        )
        if not status & _OURS:
            self._raise_pending()
            return None
        begin = at + offset
        buffer[:length] = self._view[begin : begin + length]
        _STATUS.pack_into(self._memory, at, _KERNELS)
        self._at = at + self._slot_bytes
        if self._at == len(self._memory):
            self._at = 0
        return length, packet_type, ifindex

    def _raise_pending(self) -> None:
        pending = self._raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if pending:
            raise OSError(pending, os.strerror(pending))
