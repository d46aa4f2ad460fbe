"""A foreign host has an address: what the operator does, on a real API server."""

from collections.abc import Callable

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

FIRST, SECOND = "172.16.110.100", "172.16.110.101"
STRANGER = "02:00:00:00:00:99"


@pytest.fixture
def running(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> tuple[Oracle, Speakers]:
    """Two nodes with speakers, an operator, and a pool."""
    started = speakers("n1", "n2")
    cluster.pool("lab", f"{FIRST}-172.16.110.109")
    operators.start()
    return cluster, started


def test_a_new_address_that_a_foreign_host_has_is_quarantined_and_another_is_given(
    running: tuple[Oracle, Speakers],
) -> None:
    cluster, speakers = running
    speakers.foreign[FIRST] = STRANGER
    cluster.service("web")
    cluster.wait_shown("web", SECOND)
    assert STRANGER in cluster.wait_note("web", "AddressInConflict")
    assert SECOND in cluster.wait_note("web", "AddressReleased"), "it says why"
    eventually(
        lambda: cluster.condition("virtualips", FIRST, "Planned").get("reason") == "Quarantined",
        what="the address says so",
    )
    release = cluster.vips()[FIRST]["spec"]["release"]
    assert release["quarantine"]["mac"] == STRANGER
    assert release["verifier"] in {"n1", "n2"}
    eventually(
        lambda: cluster.objects("ipaddresspools")["lab"]["status"]["ipv4"]["quarantined"] == 1,
        what="the pool counts it",
    )

    speakers.foreign.clear()
    cluster.service("next")
    cluster.wait_shown("next", "172.16.110.102")
    assert FIRST in cluster.vips(), "gone or not, the host may come back: nobody gets it at once"


def test_an_address_that_was_held_before_is_kept_and_its_owner_is_told(
    running: tuple[Oracle, Speakers],
) -> None:
    cluster, speakers = running
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    eventually(
        lambda: (cluster.vips()[FIRST].get("status") or {}).get("holder"), what="somebody holds it"
    )
    speakers.claims(FIRST, STRANGER)
    assert STRANGER in cluster.wait_note("web", "ClaimedByForeignHost")
    assert cluster.shown("web") == [FIRST]
    speakers.claims(FIRST, None)
    cluster.wait_note("web", "ConflictOver")


def test_an_address_that_is_found_on_a_node_of_ours_is_no_conflict(
    running: tuple[Oracle, Speakers],
) -> None:
    cluster, speakers = running
    own = cluster.objects("speakers")["n2"]["status"]["interfaces"][0]["mac"]
    speakers.foreign[FIRST] = own
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    cluster.wait_note("web", "AnsweredByAnother")
    assert cluster.shown("web") == [FIRST]


def test_an_adopted_address_is_never_exchanged_whoever_answers_for_it(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    """Another controller gave it, and its host may be no node that has a speaker of ours."""
    lan = speakers("n1", "n2")
    lan.foreign[FIRST] = STRANGER
    cluster.pool("lab", f"{FIRST}-172.16.110.109")
    cluster.service("web")
    cluster.show("web", FIRST)
    operators.start()
    assert STRANGER in cluster.wait_note("web", "AnsweredByAnother")
    assert cluster.vips()[FIRST]["spec"]["adopted"] is True
    assert cluster.shown("web") == [FIRST]
    lan.foreign.clear()
    eventually(
        lambda: (cluster.vips()[FIRST].get("status") or {}).get("holder"),
        what="it is taken at last",
    )
    assert cluster.shown("web") == [FIRST]
