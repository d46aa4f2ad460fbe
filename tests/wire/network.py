"""A LAN of network namespaces: a switch, and hosts on it. Needs root.

The switch is a bridge in a namespace of its own, without addresses and without netfilter. Nothing
here touches the namespace that the tests run in.
"""

import ctypes
import os
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

PREFIX = "lbwire"
INTERFACE = "lan0"
SECOND_INTERFACE = "lan1"
_NAMESPACES = Path("/run/netns")
_CLONE_NEWNET = 0x40000000

T = TypeVar("T")


def run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def enter(namespace: str, *command: str) -> list[str]:
    """A command line that runs in the namespace. The process keeps the id that Popen sees."""
    return ["nsenter", f"--net={_NAMESPACES / namespace}", *command]


def inside(namespace: str, make: Callable[[], T]) -> T:
    """What `make` gives when it is called in the namespace: a socket stays there for ever."""
    made: list[T] = []
    failed: list[BaseException] = []

    def visit() -> None:
        try:
            _move_this_thread(namespace)
            made.append(make())
        except BaseException as error:  # noqa: BLE001  # carried over to the calling thread
            failed.append(error)

    # A namespace belongs to a thread; this one ends and takes its membership along.
    visitor = threading.Thread(target=visit)
    visitor.start()
    visitor.join()
    if failed:
        raise failed[0]
    return made[0]


def _move_this_thread(namespace: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with (_NAMESPACES / namespace).open() as handle:
        if libc.setns(handle.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


@dataclass(frozen=True)
class Host:
    name: str
    namespace: str
    mac: bytes
    address: str

    @property
    def address6(self) -> str:
        """Its IPv6 address, once `Network.speak_ipv6` gave it."""
        return f"fd00:9::{self.mac[5]:x}"

    @property
    def second_address(self) -> str:
        """On the second LAN, once `Network.join_second_lan` gave it."""
        return f"172.31.10.{self.mac[5]}"

    @property
    def second_mac(self) -> bytes:
        return bytes([2, 0, 0, 0, 1, self.mac[5]])

    def ip(self, *arguments: str) -> str:
        return run("ip", "-n", self.namespace, *arguments)

    def set(self, setting: str, value: str) -> None:
        """Write a setting of the kernel, below /proc/sys/net."""
        write_setting(self.namespace, setting, value)


class Network:
    """Hosts on one switch; use as a context manager."""

    def __init__(self) -> None:
        self._prefix = f"{PREFIX}{os.getpid()}"
        self._switch = f"{self._prefix}-switch"
        self._hosts: dict[str, Host] = {}
        self._second_switch = False

    def __enter__(self) -> Self:
        clear_leftovers()
        self._namespace(self._switch)
        self._on_switch("link", "add", "br0", "type", "bridge", "forward_delay", "0")
        self._on_switch("link", "set", "br0", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in _namespaces_of(os.getpid()):
            run("ip", "netns", "delete", namespace)

    def host(self, name: str, number: int) -> Host:
        """A host with address 172.31.9.<number> and MAC 02:00:00:00:00:<number>."""
        mac = bytes([2, 0, 0, 0, 0, number])
        host = Host(name, f"{self._prefix}-{name}", mac, f"172.31.9.{number}")
        self._namespace(host.namespace)
        self._hosts[name] = host
        self.plug(host)
        return host

    def plug(self, host: Host) -> None:
        """Make the host's interface, with a cable to the switch."""
        port, mac = f"p-{host.name}", host.mac.hex(":")
        self._on_switch(
            *("link", "add", port, "type", "veth", "peer", "name", INTERFACE),
            *("netns", host.namespace, "address", mac),
        )
        self._on_switch("link", "set", port, "master", "br0", "up")
        host.ip("address", "add", f"{host.address}/24", "dev", INTERFACE)
        host.ip("link", "set", INTERFACE, "up")

    def speak_ipv6(self, *hosts: Host) -> None:
        """Give hosts fd00:9::<number>/64, and a link-local address, without waiting for DAD."""
        for host in hosts:
            host.set(f"ipv6/conf/{INTERFACE}/accept_dad", "0")
            host.set(f"ipv6/conf/{INTERFACE}/disable_ipv6", "0")
            host.ip("address", "add", f"{host.address6}/64", "dev", INTERFACE, "nodad")

    def snoop(self) -> None:
        """The switch sends to a group only where a host has said by MLD that it is in it."""
        # It asks with its own address, and does not trust what it knows before it has asked.
        write_setting(self._switch, "ipv6/conf/br0/accept_dad", "0")
        write_setting(self._switch, "ipv6/conf/br0/disable_ipv6", "0")
        self._on_switch(
            *("link", "set", "br0", "type", "bridge", "mcast_snooping", "1"),
            *("mcast_query_response_interval", "100", "mcast_querier", "1"),
        )

    def join_second_lan(self, *hosts: Host) -> None:
        """Give hosts another interface, with 172.31.10.<number>, on a switch of its own."""
        if not self._second_switch:
            self._second_switch = True
            self._on_switch("link", "add", "br1", "type", "bridge", "forward_delay", "0")
            self._on_switch("link", "set", "br1", "up")
        for host in hosts:
            port, mac = f"q-{host.name}", host.second_mac.hex(":")
            self._on_switch(
                *("link", "add", port, "type", "veth", "peer", "name", SECOND_INTERFACE),
                *("netns", host.namespace, "address", mac),
            )
            self._on_switch("link", "set", port, "master", "br1", "up")
            host.ip("address", "add", f"{host.second_address}/24", "dev", SECOND_INTERFACE)
            host.ip("link", "set", SECOND_INTERFACE, "up")

    def part_second(self, host: Host) -> None:
        """The host's port of the second switch leads nowhere, though the carrier stays."""
        self._on_switch("link", "set", f"q-{host.name}", "nomaster")

    def unplug(self, host: Host) -> None:
        """The host's interface vanishes."""
        host.ip("link", "delete", INTERFACE)

    def pull(self, host: Host) -> None:
        """The host's cable: it has no carrier, and knows it."""
        self._on_switch("link", "set", f"p-{host.name}", "down")

    def push(self, host: Host) -> None:
        """Undo `pull`."""
        self._on_switch("link", "set", f"p-{host.name}", "up")

    def part(self, host: Host) -> None:
        """The host's switch port leads nowhere, though the carrier stays."""
        self._on_switch("link", "set", f"p-{host.name}", "nomaster")

    def heal(self, host: Host) -> None:
        self._on_switch("link", "set", f"p-{host.name}", "master", "br0")

    def _on_switch(self, *arguments: str) -> None:
        run("ip", "-n", self._switch, *arguments)

    def _namespace(self, name: str) -> None:
        run("ip", "netns", "add", name)
        # IPv6 would add chatter of its own to every test.
        write_setting(name, "ipv6/conf/default/disable_ipv6", "1")
        run("ip", "-n", name, "link", "set", "lo", "up")


def write_setting(namespace: str, setting: str, value: str) -> None:
    path = Path("/proc/sys/net") / setting
    inside(namespace, lambda: path.write_text(value))


def clear_leftovers() -> None:
    """Remove the namespaces of test runs that died."""
    for path in _NAMESPACES.glob(f"{PREFIX}*-*") if _NAMESPACES.exists() else []:
        owner = re.match(rf"{PREFIX}(\d+)-", path.name)
        if owner and not Path("/proc", owner[1]).exists():
            run("ip", "netns", "delete", path.name)


def _namespaces_of(pid: int) -> list[str]:
    return [path.name for path in _NAMESPACES.glob(f"{PREFIX}{pid}-*")]
