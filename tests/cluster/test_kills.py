"""The operator dies after each single call that it makes, and the next one ends what it began.

Each test goes on until an operator finished without reaching the call at which it was to die: so
every call is covered, also those that somebody adds later. The calls of the proxy's record are
those of the real operator; the API server has done each before the operator is killed.
"""

from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest

from tests.cluster.operators import Operator, Operators
from tests.cluster.oracle import Oracle, eventually
from tests.cluster.proxy import Call, Fault, Kill, Proxy
from tests.cluster.resting import at_rest
from tests.cluster.speakers import Speakers
from tests.cluster.witness import Witness

pytestmark = pytest.mark.lab

ALWAYS_ME = ("--identity", "always-me", "--lease-duration-seconds", "60")
"""The Lease of a dead one is the next one's at once, and a busy machine renews it in time."""
POOL = "172.16.110.100-172.16.110.250"
OFTEN = 3
"""A call that is made again and again is covered when somebody died after each of the first..."""
ENOUGH = 200
"""So many calls nothing takes: a loop that comes here never ends."""


class NextCall:
    """Kills after the first call after which nobody has died yet.

    Two calls are the same if they do the same to the same kind for the same time: the order of
    those that are made side by side differs from run to run.
    """

    def __init__(self, died_after: set[str], counts: Callable[[Call], bool]) -> None:
        self._died_after = died_after
        self._counts = counts
        self._made: Counter[str] = Counter()

    def __call__(self, call: Call) -> Fault | None:
        if not self._counts(call):
            return None
        self._made[call.deed] += 1
        name = f"{call.deed} {self._made[call.deed]}"
        if self._made[call.deed] > OFTEN or name in self._died_after:
            return None
        self._died_after.add(name)
        return Kill()


def caused(call: Call) -> bool:
    """Whether a call answers to something that happened, and is not made all the time."""
    return not (call.is_election or call.is_watch or call.is_list)


class Deaths:
    """One story, told again and again, with a death one call later each time."""

    def __init__(self, cluster: Oracle, proxy: Proxy, operators: Operators) -> None:
        self.cluster = cluster
        self._proxy = proxy
        self._operators = operators
        self.died_after: set[str] = set()

    def start(self, counts: Callable[[Call], bool] = lambda _: False) -> Operator:
        self._proxy.play(NextCall(self.died_after, counts))
        one = self._operators.start(*ALWAYS_ME)
        self._proxy.victim = one.kill
        return one

    def judge(self) -> None:
        self.cluster.assert_one_owner_for_an_address()
        self._operators.assert_no_faults()

    def tell(self, story: Callable[[int], object], ended: Callable[[int], bool]) -> None:
        """Begin each time with an operator at rest."""
        one = self.start()
        for number in count(1):
            assert number < ENOUGH
            eventually(lambda n=number: at_rest(self.cluster) and ended(n - 1), what="rest")  # type: ignore[misc]
            self._proxy.play(NextCall(self.died_after, caused))
            story(number)
            eventually(
                lambda n=number: (
                    self._proxy.killed.is_set()  # type: ignore[misc]
                    or (ended(n) and at_rest(self.cluster))
                ),
                what=f"an end, or death {number}",
            )
            if not self._proxy.killed.is_set():
                return
            assert one.process.poll() is not None
            one = self.start()

    def tell_of_takeovers(
        self, story: Callable[[int], object], ended: Callable[[int], bool]
    ) -> None:
        """Begin each time with what a dead operator left, and count from the start of the next."""
        for number in count(1):
            assert number < ENOUGH
            story(number)
            one = self.start(lambda _: True)
            eventually(
                lambda n=number: (
                    self._proxy.killed.is_set()  # type: ignore[misc]
                    or (ended(n) and at_rest(self.cluster) and _followed(self._proxy))
                ),
                what=f"an end, or death {number}",
            )
            if not self._proxy.killed.is_set():
                return
            assert one.process.poll() is not None


def _followed(proxy: Proxy) -> bool:
    """Whether the streams of all kinds have begun: the last calls of a start."""
    kinds = {call.path.rpartition("/")[2] for call in proxy.calls if call.is_watch}
    return {"services", "virtualips", "ipaddresspools", "speakers", "nodes"} <= kinds


@pytest.fixture
def deaths(cluster: Oracle, proxy: Proxy, many_operators: Operators) -> Deaths:
    cluster.pool("lab", POOL)
    return Deaths(cluster, proxy, many_operators)


def test_killed_after_each_call_of_an_allocation(
    deaths: Deaths, cluster: Oracle, witness: Witness, speakers: Callable[..., Speakers]
) -> None:
    speakers("n1", "n2", "n3")
    deaths.tell(
        lambda number: cluster.service(f"web-{number}"),
        lambda number: len(cluster.vips()) == number,
    )
    deaths.judge()
    assert deaths.died_after >= {
        "POST virtualips 1",
        "PATCH services/status 1",
        "PATCH virtualips/status 1",
        "PATCH ipaddresspools/status 1",
        "POST events 1",
    }
    witness.judge()


def test_killed_after_each_call_of_a_release(
    deaths: Deaths, cluster: Oracle, witness: Witness, speakers: Callable[..., Speakers]
) -> None:
    speakers("n1", "n2", "n3")
    total = 12
    for number in range(total):
        cluster.service(f"web-{number}")
    deaths.tell(
        lambda number: cluster.delete_service(f"web-{number}"),
        lambda number: len(cluster.vips()) == total - number,
    )
    deaths.judge()
    assert deaths.died_after >= {
        "GET services 1",
        "PUT virtualips 1",
        "DELETE virtualips 1",
        "PATCH ipaddresspools/status 1",
        "POST events 1",
    }
    witness.judge()


def test_killed_after_each_call_of_a_takeover(
    deaths: Deaths, cluster: Oracle, witness: Witness, speakers: Callable[..., Speakers]
) -> None:
    """While nobody led, a Service came, one went, and somebody deleted a VirtualIP."""
    speakers("n1", "n2", "n3")
    for name in ("goes-0", "loses"):
        cluster.service(name)
    one = deaths.start()
    cluster.wait_settled(2)
    one.kill()

    def meanwhile(number: int) -> None:
        cluster.delete_service(f"goes-{number - 1}")
        cluster.service(f"goes-{number}")
        for address in cluster.shown("loses") if number % 5 == 0 else []:
            if address in cluster.vips():
                cluster.delete_vip(address)

    deaths.tell_of_takeovers(meanwhile, lambda _: len(cluster.vips()) == 2)
    deaths.judge()
    assert len(deaths.died_after) > 30, "every list, watch and look at the Lease counts"
    witness.judge()
