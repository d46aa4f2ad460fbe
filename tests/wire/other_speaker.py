"""Another controller's speaker on a node, as MetalLB's: a raw socket and the node's own MAC."""

import select
import socket
import threading

from tests.wire import frames
from tests.wire.network import INTERFACE, Host, inside
from tests.wire.tap import ETH_P_ARP
from tests.wire.wires import VIP

_REQUEST = b"\0\1"


class OtherSpeaker:
    """Answers ARP requests for the address until it is stopped."""

    def __init__(self, host: Host, address: str = VIP) -> None:
        self.host = host
        self._address = address
        self._socket = inside(host.namespace, self._open)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _open(self) -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw.bind((INTERFACE, ETH_P_ARP))
        return raw

    def _run(self) -> None:
        target = socket.inet_aton(self._address)
        while not self._stop.is_set():
            if not select.select([self._socket], [], [], 0.05)[0]:
                continue
            frame = self._socket.recv(2048)
            if frame[20:22] == _REQUEST and frame[38:42] == target:
                asker = socket.inet_ntoa(frame[28:32])
                mac = self.host.mac
                self._socket.send(frames.reply(mac, self._address, frame[22:28], asker))
