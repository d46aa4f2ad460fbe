"""Services with `externalTrafficPolicy: Local`: does this node have an endpoint of theirs?

The proxy says so at each Service's `healthCheckNodePort`. kube-proxy listens there for each family
apart, and, where `nodePortAddresses` is `primary` (nftables mode by default), on the node's own
address only and not on the loopback: so whoever answered last is asked first, and then the others.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal

from lbctl.core.objects.virtualips import Stage, VirtualIPView
from speaker.agent.handoff import Endpoints, LocalHealth, Reply, endpoints
from speaker.agent.health import Asker
from speaker.agent.interfaces import Interface

_log: Final = logging.getLogger(__name__)

ROUND_SECONDS: Final = 1.0
"""Between two questions to one port, while there are few."""
PORTS_PER_SECOND: Final = 50
"""Ports asked, at most: a node may be a candidate for thousands of Services."""
_AT_ONCE: Final = 8
_HOSTS: Final = 4
"""Own addresses of one family that are tried."""

Family = Literal[4, 6]


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """Where a Service's health check is: the same port counts each family's endpoints apart."""

    family: Family
    number: int


def port_of(virtual_ip: VirtualIPView, node: str) -> Port | None:
    """The port to ask about an address; None when nothing depends on an answer.

    Alone in the succession, a node keeps the address whatever is said: nobody else would take it.
    """
    number = virtual_ip.health_check_node_port
    candidate = virtual_ip.stage is Stage.ALLOCATED and node in virtual_ip.succession
    if number is None or not candidate or len(virtual_ip.succession) == 1:
        return None
    return Port(virtual_ip.address.version, number)


def hosts(node_address: str, interfaces: Iterable[Interface]) -> Mapping[Family, Sequence[str]]:
    """Where the node's proxy may listen, as hosts of a URL: the likelier first."""
    found: dict[Family, dict[str, None]] = {4: {"127.0.0.1": None}, 6: {"[::1]": None}}
    own = [address.ip for interface in interfaces for address in interface.view.addresses]
    with suppress(ValueError):
        own.insert(0, ip_address(node_address))
    for address in own:
        text = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004  # a family
        found[address.version][text] = None
    return {family: [*texts][:_HOSTS] for family, texts in found.items()}


class LocalWatch:
    """Asks the ports that matter, again and again.

    Args:
        ports: those that matter, as of now.
        hosts: where to ask, as of now.
        changed: called when the node began or ceased to serve some of them.
    """

    def __init__(
        self,
        *,
        ports: Callable[[], set[Port]],
        hosts: Callable[[], Mapping[Family, Sequence[str]]],
        changed: Callable[[], None],
    ) -> None:
        self._ports = ports
        self._hosts = hosts
        self._changed = changed
        self._known: dict[Port, LocalHealth] = {}
        self._answered: dict[Family, str] = {}
        """The host that answered last."""
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def serving(self, port: Port | None) -> bool:
        """Whether the node can take what comes for the Service of this port."""
        known = None if port is None else self._known.get(port)
        return known is None or known.serving

    async def run(self, asker: Asker) -> None:
        """Ask until cancelled."""
        while True:
            ports = self._ports()
            self._known = {port: self._known.get(port, LocalHealth()) for port in sorted(ports)}
            pause = max(ROUND_SECONDS, len(ports) / PORTS_PER_SECOND)
            async with asyncio.TaskGroup() as group:
                for at, port in enumerate(self._known):
                    group.create_task(self._look(asker, port, pause * at / len(ports)))
                group.create_task(asyncio.sleep(pause))

    async def _look(self, asker: Asker, port: Port, wait: float) -> None:
        # Spread over the round: a thousand at once would delay everything else in this process.
        await asyncio.sleep(wait)
        async with self._turns:
            heard = await self._ask(asker, port)
        before = self._known[port]
        self._known[port] = after = before.after(heard)
        if after.serving != before.serving:
            words = "has endpoints" if after.serving else "has no endpoint"
            _log.info("healthCheckNodePort %d: this node %s", port.number, words)
            self._changed()

    async def _ask(self, asker: Asker, port: Port) -> Endpoints:
        last = self._answered.get(port.family)
        others = [host for host in self._hosts()[port.family] if host != last]
        for host in [*([last] if last else []), *others]:
            reply: Reply | None = await asker.ask(f"http://{host}:{port.number}/healthz")
            if reply is not None:
                self._answered[port.family] = host
                return endpoints(reply)
        return endpoints(None)
