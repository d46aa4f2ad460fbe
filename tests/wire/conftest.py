"""Real packets between network namespaces; everything is torn down, even after a crash."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from speaker.wire import templates
from tests.wire.network import Host, Network
from tests.wire.tap import Tap
from tests.wire.wires import Wire


@pytest.fixture(scope="session")
def forged() -> str:
    """The templates, as the supervisor hands them down."""
    return templates.forge()


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


@pytest.fixture
def client(network: Network) -> Host:
    """An outside host."""
    return network.host("client", 1)


@pytest.fixture
def tap(client: Host) -> Iterator[Tap]:
    """Ear and mouth of the outside host."""
    with closing(Tap(client)) as opened:
        yield opened


@pytest.fixture
def start_wire(network: Network, forged: str) -> Iterator[Callable[[Host], Wire]]:
    del network  # it must outlive the wires
    with ExitStack() as stack:
        yield lambda host: stack.enter_context(closing(Wire(host, forged)))


@pytest.fixture
def wire(network: Network, start_wire: Callable[[Host], Wire]) -> Wire:
    """A wire on a node of its own."""
    return start_wire(network.host("node", 11))
