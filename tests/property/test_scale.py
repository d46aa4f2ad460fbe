"""What the bounds of a large cluster are, on one that is quickly planned."""

import pytest

from lbctl.core.succession.partners import SIDE
from lbctl.core.succession.planner import LENGTH, WATCHERS
from tests.bench.scale import Site


@pytest.fixture(scope="module", params=[(30, 300), (120, 600)], ids=str)
def site(request: pytest.FixtureRequest) -> Site:
    return Site(*request.param).place()


def test_sessions_do_not_grow_with_the_cluster(site: Site) -> None:
    assert site.sessions == 2 * SIDE


def test_a_node_holds_and_watches_its_share(site: Site) -> None:
    share = site.addresses / site.count
    assert site.held <= share + 1
    assert site.watched <= 2 * LENGTH * share


def test_a_death_is_told_to_few_and_written_by_few(site: Site) -> None:
    death = site.kill("n0007")
    share = site.addresses / site.count
    candidates = LENGTH + WATCHERS
    assert death.held <= share + 1
    assert death.replanned <= 2 * LENGTH * share, "only the plans that named it"
    assert death.heirs >= min(death.held, SIDE)
    assert death.status_writes <= death.held / (2 * SIDE) + 2
    assert death.watch_events <= candidates * (share + 1) * 2
