"""The agent's watch over the table: what is wanted is enforced, and what came of it is told."""

import asyncio
import errno
from ipaddress import ip_address

import pytest

from lbctl.core.outcomes import NodePortReason
from speaker.agent.tablewatch import TableWatch
from speaker.netfilter.keeper import Outcome, Traffic, Wanted
from speaker.netfilter.rewrites import Behaviour, Guarded, Protocol, ServicePort
from tests.unit.netfilter.kernels import RememberingKernel

HERE = ip_address("192.0.2.10")
NODE = Behaviour((ip_address("192.0.2.1"),))


class Watched:
    """A watch, what it is to want, and how often it told of a change."""

    def __init__(self) -> None:
        self.kernel = RememberingKernel()
        self.wanted: Wanted | None = Wanted(NODE, (Guarded(HERE),), frozenset({"eth0"}))
        self.told = asyncio.Event()
        self.watch = TableWatch(
            wanted=lambda: self.wanted, changed=self.told.set, kernel=lambda: self.kernel
        )

    @property
    def reason(self) -> str | None:
        condition = self.watch.condition
        return None if condition is None else condition.reason


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def test_before_there_is_a_plan_nothing_is_touched(watched: Watched) -> None:
    watched.wanted = None
    await watched.watch.enforce()
    assert watched.kernel.table is None
    assert watched.reason is None
    assert not watched.watch.known


async def test_a_table_in_place_is_told_once(watched: Watched) -> None:
    await watched.watch.enforce()
    assert watched.reason == NodePortReason.TABLE_IN_PLACE
    assert watched.watch.known
    assert watched.told.is_set()
    watched.told.clear()
    await watched.watch.enforce()
    assert not watched.told.is_set()
    assert watched.watch.outcomes[Outcome.UNCHANGED] == 1


async def test_a_repair_is_told_and_counted(watched: Watched) -> None:
    await watched.watch.enforce()
    watched.kernel.remove("lbctl")
    await watched.watch.enforce()
    assert watched.reason == NodePortReason.TABLE_REPAIRED
    assert watched.watch.known
    assert watched.watch.outcomes[Outcome.REPAIRED] == 1
    await watched.watch.enforce()
    assert watched.reason == NodePortReason.TABLE_REPAIRED, "for a while"


async def test_a_refusal_is_told_and_tried_again(watched: Watched) -> None:
    watched.kernel.refusal = errno.EPERM
    await watched.watch.enforce()
    assert watched.reason == NodePortReason.NO_PERMISSION
    assert not watched.watch.known
    watched.kernel.refusal = None
    await watched.watch.enforce()
    assert watched.watch.known


SENT = Guarded(HERE, (ServicePort(Protocol.TCP, 80, 30_080),))
LATER = Guarded(ip_address("192.0.2.11"), SENT.ports)


async def test_a_refused_change_leaves_what_was_there(watched: Watched) -> None:
    """The address that the table has is held on to, and one that it has not is not taken."""
    watched.wanted = Wanted(NODE, (SENT,))
    await watched.watch.enforce()
    assert watched.watch.rewritten == {str(HERE)}
    watched.kernel.refusal = errno.ENOMEM
    watched.wanted = Wanted(NODE, (SENT, LATER))
    await watched.watch.enforce()
    assert watched.reason == NodePortReason.KERNEL_REFUSED
    assert watched.watch.rewritten == {str(HERE)}
    assert watched.watch.known

    watched.kernel.refusal = None
    await watched.watch.enforce()
    assert watched.reason == NodePortReason.TABLE_IN_PLACE
    assert watched.watch.rewritten == {str(HERE), str(LATER.address)}


async def test_a_table_that_is_lost_and_refused_serves_nobody(watched: Watched) -> None:
    watched.wanted = Wanted(NODE, (SENT,))
    await watched.watch.enforce()
    watched.kernel.remove("lbctl")
    watched.kernel.refusal = errno.ENOMEM
    await watched.watch.enforce()
    assert watched.watch.rewritten == set()
    assert not watched.watch.known


async def test_an_address_that_a_refusal_takes_away_is_told_though_the_refusal_is_an_old_one(
    watched: Watched,
) -> None:
    watched.wanted = Wanted(NODE, (SENT,))
    await watched.watch.enforce()
    watched.kernel.refusal = errno.ENOMEM
    watched.wanted = Wanted(NODE, (SENT, LATER))
    await watched.watch.enforce()
    watched.told.clear()
    await watched.watch.enforce()
    assert not watched.told.is_set()
    watched.wanted = Wanted(NODE, (Guarded(HERE, (ServicePort(Protocol.TCP, 80, 1),)), LATER))
    await watched.watch.enforce()
    assert watched.watch.rewritten == set()
    assert watched.told.is_set()


async def test_a_kernel_without_nf_tables() -> None:
    def nothing() -> RememberingKernel:
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    watch = TableWatch(wanted=lambda: Wanted(NODE), changed=lambda: None, kernel=nothing)
    await watch.enforce()
    assert watch.condition is not None
    assert watch.condition.reason == NodePortReason.NO_NFTABLES


async def test_a_family_without_an_address_leaves_the_other_in_place(watched: Watched) -> None:
    lacking = Guarded(ip_address("2001:db8::10"), (ServicePort(Protocol.TCP, 80, 30_080),))
    watched.wanted = Wanted(NODE, (Guarded(HERE), lacking))
    await watched.watch.enforce()
    assert watched.reason == NodePortReason.NO_NODE_ADDRESS
    assert watched.watch.known


async def test_a_look_that_is_asked_for_comes_at_once(watched: Watched) -> None:
    running = asyncio.create_task(watched.watch.run())
    watched.watch.look()
    async with asyncio.timeout(20):
        await watched.told.wait()
    running.cancel()
    assert watched.kernel.table is not None


async def test_counters_that_nobody_wants_are_not_read() -> None:
    """Of ten thousand addresses that takes a fifth of a second, at each scrape."""
    kernel = RememberingKernel()
    watch = TableWatch(
        wanted=lambda: Wanted(NODE, (Guarded(HERE),)),
        changed=lambda: None,
        counted=False,
        kernel=lambda: kernel,
    )
    await watch.enforce()
    await watch.count()
    assert watch.traffic == {}


async def test_counters_are_read_when_asked_for(watched: Watched) -> None:
    await watched.watch.count()
    assert watched.watch.traffic == {}
    await watched.watch.enforce()
    watched.kernel.counted = {"received4": {HERE.packed: (1, 60)}}
    await watched.watch.count()
    assert watched.watch.traffic == {HERE: Traffic(1, 60)}
    watched.kernel.remove("lbctl")
    await watched.watch.count()
    assert watched.watch.traffic == {HERE: Traffic(1, 60)}, "of the last reading"
