"""A real API server, real operators as processes, and a stand-in for the speakers' agents."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.nursery import Nursery
from tests.cluster.operators import Operators
from tests.cluster.oracle import NAMESPACE, SYSTEM, Oracle
from tests.cluster.proxy import Proxy
from tests.cluster.speakers import Speakers
from tests.cluster.witness import Witness
from tests.lab import Lab

CRDS = Path(__file__).parents[2] / "charts" / "lbctl" / "files" / "crds"


@pytest.fixture(scope="session")
def api(control_plane: Lab) -> Oracle:
    """The API server with our kinds, seen through the official client."""
    control_plane.kubectl("apply", "--server-side", "-f", CRDS)
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    oracle = Oracle(control_plane.kubeconfig)
    for namespace in (SYSTEM, NAMESPACE):
        oracle.create_namespace(namespace)
    return oracle


@pytest.fixture
def _emptied(api: Oracle) -> Iterator[None]:
    api.clear()
    yield
    api.clear()


@pytest.fixture
def cluster(api: Oracle, _emptied: None) -> Oracle:
    """The same, empty before and after each test."""
    return api


@pytest.fixture
def operators(_emptied: None, kube: Path, tmp_path: Path) -> Iterator[Operators]:
    """Starts operators; ends them all."""
    running = Operators(kube, tmp_path)
    yield running
    running.kill_all()


@pytest.fixture
def speakers(_emptied: None, kube: Path) -> Iterator[Callable[..., Speakers]]:
    """Starts speakers on nodes of these names; ends them."""
    started: list[Speakers] = []

    def start(*nodes: str) -> Speakers:
        started.append(Speakers(kube, nodes))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    one = Nursery()
    yield one
    one.close()


@pytest.fixture
def many_operators(
    _emptied: None, proxy: Proxy, nursery: Nursery, tmp_path: Path
) -> Iterator[Operators]:
    """Starts operators quickly, behind the proxy; ends them all."""
    running = Operators(proxy.kubeconfig, tmp_path, nursery)
    yield running
    running.kill_all()


@pytest.fixture
def proxy(kube: Path, tmp_path: Path) -> Iterator[Proxy]:
    """A door to the API server that can be told to fail."""
    with Proxy(kube, tmp_path) as door:
        yield door


@pytest.fixture
def witness(_emptied: None, kube: Path) -> Iterator[Witness]:
    """Sees each state of each Service and VirtualIP."""
    with Witness(kube) as one:
        yield one
