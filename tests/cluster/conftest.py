"""A real API server, real operators as processes, and a stand-in for the speakers' agents."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import NAMESPACE, SYSTEM, Oracle
from tests.cluster.speakers import Speakers
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
