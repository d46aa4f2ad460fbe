"""Reads what `checks` judges, now and then: nobody tells when a sysctl changes."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from pyroute2.netlink.exceptions import NetlinkError

from lbctl.core.addresses import Address
from lbctl.kube.conditions import Condition
from speaker.agent import checks
from speaker.agent.checks import Facts
from speaker.agent.interfaces import Link
from speaker.agent.netlink import read_links

_log: Final = logging.getLogger(__name__)

EVERY_SECONDS: Final = 30.0
_GATHER_SECONDS: Final = 1.0
"""From a change of the interfaces or of the plan's to the reading."""


def read_facts(
    links: Iterable[Link],
    *,
    announcing: frozenset[str] = frozenset(),
    addresses: frozenset[Address] = frozenset(),
    proc: Path = Path("/proc"),
    sys: Path = Path("/sys"),
) -> Facts:
    """What the kernel says: /proc and /sys show the network namespace that this process is in."""
    facts = Facts(
        links=tuple(links),
        routes=_text(proc / "net/route"),
        ipv6_addresses=_text(proc / "net/if_inet6"),
        announcing=announcing,
        addresses=addresses,
    )
    masters = {link.master for link in facts.links}
    above = {link.name for link in facts.links if link.index in masters} | {*facts.lan}
    # Of these alone: a node with a hundred pods has a hundred interfaces more.
    sysctls = {name: _text(proc / "sys/net" / name) for name in checks.sysctl_names(facts.lan)}
    kinds = {name: _kind(sys / "class/net" / name) for name in above}
    return replace(
        facts,
        sysctls={name: text for name, text in sysctls.items() if text},
        kinds={name: kind for name, kind in kinds.items() if kind},
    )


def _kind(device: Path) -> str:
    if (device / "bridge").is_dir():
        return "bridge"
    # "balance-alb 6"
    return _text(device / "bonding/mode").partition(" ")[0]


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


class NodeChecks:
    """The conditions of this node, looked at again and again.

    Args:
        announcing: the interfaces of the plan, as of now.
        addresses: the addresses of the plan, as of now.
        changed: called when a condition has changed.
    """

    def __init__(
        self,
        *,
        announcing: Callable[[], frozenset[str]],
        addresses: Callable[[], frozenset[Address]],
        changed: Callable[[], None],
    ) -> None:
        self._announcing = announcing
        self._addresses = addresses
        self._changed = changed
        self._wake = asyncio.Event()
        self.conditions: tuple[Condition, ...] = ()

    def look_again(self) -> None:
        """Something changed that a check depends on."""
        self._wake.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                links = await read_links()
            except (OSError, NetlinkError) as error:
                _log.warning("netlink: %s; the node is checked later", error)
            else:
                self._judge(links)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._wake.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wake.clear()

    def _judge(self, links: list[Link]) -> None:
        facts = read_facts(links, announcing=self._announcing(), addresses=self._addresses())
        before, self.conditions = self.conditions, checks.judge(facts)
        for condition in self.conditions:
            if condition.status is False and condition not in before:
                _log.warning("%s: %s", condition.reason, condition.message)
        if self.conditions != before:
            self._changed()
