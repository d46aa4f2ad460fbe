"""The keeper: whatever was there and whoever wrote to it, what is wanted is there in the end."""

import errno
from collections.abc import Iterable
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speaker.netfilter.contents import Change, contents
from speaker.netfilter.keeper import Outcome, TableKeeper, Traffic, Wanted
from speaker.netfilter.rewrites import Behaviour, Guarded, Protocol, ServicePort
from speaker.netfilter.table import table
from tests.unit.netfilter.kernels import RememberingKernel

NODE = (ip_address("192.0.2.1"), ip_address("2001:db8::1"))
WEB = (ServicePort(Protocol.TCP, 80, 30080), ServicePort(Protocol.UDP, 53))


def wanted(*addresses: str, held: bool = False, interfaces: tuple[str, ...] = ("eth0",)) -> Wanted:
    guarded = tuple(Guarded(ip_address(each), WEB, held) for each in addresses)
    return Wanted(Behaviour(NODE), guarded, frozenset(interfaces))


@pytest.fixture
def kernel() -> RememberingKernel:
    return RememberingKernel()


@pytest.fixture
def keeper(kernel: RememberingKernel) -> TableKeeper:
    return TableKeeper(kernel)


def test_elements_come_and_go_without_a_new_table(
    kernel: RememberingKernel, keeper: TableKeeper
) -> None:
    assert keeper.enforce(wanted("192.0.2.10")) is Outcome.CHANGED
    assert keeper.enforce(wanted("192.0.2.10", held=True)) is Outcome.CHANGED
    assert keeper.enforce(wanted("192.0.2.10", "2001:db8::10")) is Outcome.CHANGED
    assert keeper.enforce(wanted("192.0.2.10", "2001:db8::10")) is Outcome.UNCHANGED
    assert keeper.enforce(wanted()) is Outcome.CHANGED
    assert kernel.replaced == 1
    assert kernel.contents == contents(table(Behaviour(NODE)), (), ["eth0"])


def test_another_behaviour_is_another_table(kernel: RememberingKernel, keeper: TableKeeper) -> None:
    keeper.enforce(wanted("192.0.2.10"))
    quiet = Wanted(Behaviour(NODE, ping=False))
    assert keeper.enforce(quiet) is Outcome.CHANGED
    assert kernel.table == table(quiet.behaviour)


def test_others_that_change_their_own_tables_cost_a_reading_and_no_change(
    kernel: RememberingKernel, keeper: TableKeeper
) -> None:
    keeper.enforce(wanted("192.0.2.10"))
    kernel.others = 1
    assert keeper.enforce(wanted("192.0.2.10")) is Outcome.UNCHANGED
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.CHANGED
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.UNCHANGED
    assert kernel.replaced == 1


def test_who_never_finds_a_quiet_moment_ends_all_the_same(
    kernel: RememberingKernel, keeper: TableKeeper
) -> None:
    kernel.others = 1
    assert keeper.enforce(wanted("192.0.2.10")) is Outcome.CHANGED
    assert keeper.enforce(wanted("192.0.2.10")) is Outcome.UNCHANGED


def test_a_lost_table_is_made_again(kernel: RememberingKernel, keeper: TableKeeper) -> None:
    keeper.enforce(wanted("192.0.2.10"))
    kernel.remove("lbctl")
    assert keeper.enforce(wanted("192.0.2.10")) is Outcome.REPAIRED
    assert kernel.table is not None


def test_a_table_that_is_lost_in_the_moment_of_a_change(
    kernel: RememberingKernel, keeper: TableKeeper
) -> None:
    """The kernel refuses the change, for it is one to a table that is no more."""
    keeper.enforce(wanted("192.0.2.10"))
    kernel.table = None
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.REPAIRED
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.UNCHANGED


class Meddled(RememberingKernel):
    """Somebody is as quick as the keeper: each change is followed by one of theirs."""

    def change(self, table: str, changes: Iterable[Change]) -> None:
        super().change(table, changes)
        self.contents["interfaces"] = {}
        self.meddle()


class Overtaken(RememberingKernel):
    """Somebody changes the table between a look at it and the change that follows the look."""

    overtaken = False

    def generation(self) -> int:
        seen = super().generation()
        if self.overtaken:
            self.overtaken = False
            self.contents["interfaces"] = {}
            self.meddle()
        return seen


def test_what_is_done_between_a_look_and_a_change_is_found_by_the_next_look() -> None:
    kernel = Overtaken()
    keeper = TableKeeper(kernel)
    keeper.enforce(wanted("192.0.2.10"))
    kernel.overtaken = True
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.CHANGED
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.REPAIRED
    assert kernel.contents["interfaces"]


def test_what_is_undone_in_the_moment_of_a_change_is_found_by_the_next_look() -> None:
    kernel = Meddled()
    keeper = TableKeeper(kernel)
    keeper.enforce(wanted("192.0.2.10"))
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.CHANGED
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.REPAIRED
    assert kernel.contents["interfaces"]


def test_a_refusal_is_told_and_the_next_look_tries_again(
    kernel: RememberingKernel, keeper: TableKeeper
) -> None:
    keeper.enforce(wanted("192.0.2.10"))
    kernel.refusal = errno.EPERM
    with pytest.raises(PermissionError):
        keeper.enforce(wanted("192.0.2.11"))
    kernel.refusal = None
    assert keeper.enforce(wanted("192.0.2.11")) is Outcome.CHANGED


def test_what_an_earlier_process_left_is_replaced(kernel: RememberingKernel) -> None:
    TableKeeper(kernel).enforce(wanted("192.0.2.10", "192.0.2.11"))
    TableKeeper(kernel).enforce(wanted("192.0.2.11"))
    assert kernel.contents["guarded4"].keys() == {ip_address("192.0.2.11").packed}


def test_traffic_of_each_address(kernel: RememberingKernel, keeper: TableKeeper) -> None:
    assert keeper.traffic() == {}
    busy, idle = ip_address("192.0.2.10"), ip_address("2001:db8::10")
    keeper.enforce(wanted("192.0.2.10", "2001:db8::10"))
    kernel.counted = {"received4": {busy.packed: (3, 300)}, "sent4": {busy.packed: (2, 900)}}
    assert keeper.traffic() == {busy: Traffic(3, 300, 2, 900), idle: Traffic()}


def test_nothing_is_left(kernel: RememberingKernel, keeper: TableKeeper) -> None:
    keeper.enforce(wanted("192.0.2.10"))
    keeper.remove()
    assert kernel.table is None
    assert keeper.traffic() == {}


addresses = st.sets(st.sampled_from(["192.0.2.10", "192.0.2.11", "2001:db8::10", "2001:db8::11"]))
steps = st.lists(
    st.tuples(
        addresses,
        st.booleans(),
        st.sampled_from(["nothing", "lost", "flushed", "other", "restart"]),
    ),
    max_size=8,
)


@given(steps)
def test_any_history_ends_in_what_is_wanted(history: list[tuple[set[str], bool, str]]) -> None:
    kernel = RememberingKernel()
    keeper = TableKeeper(kernel)
    for names, held, event in history:
        if event == "lost":
            kernel.remove("lbctl")
        elif event == "flushed":
            kernel.contents = {name: {} for name in kernel.contents}
            kernel.meddle()
        elif event == "other":
            kernel.meddle()
        elif event == "restart":
            keeper = TableKeeper(kernel)
        asked = wanted(*names, held=held)
        keeper.enforce(asked)
        made = table(asked.behaviour)
        assert kernel.table == made
        assert kernel.contents == contents(made, asked.guarded, asked.interfaces)
        assert keeper.enforce(asked) is Outcome.UNCHANGED
