"""Names on Kubernetes objects: what the API server accepts, and what never changes."""

import re

from lbctl.core.labels import candidate_label, candidate_labels, speaker_lease
from lbctl.core.outcomes import Outcome, PoolReason


def test_a_label_fits_however_long_the_nodes_name_is() -> None:
    name = candidate_label("n" * 253).partition("/")[2]
    assert re.fullmatch(r"[0-9a-f]{16}", name)


def test_a_label_is_the_same_in_every_version() -> None:
    assert candidate_label("n1") == "candidate.lbctl.io/676b8bb84ce7267d"
    assert candidate_labels(["n1"]) == {"candidate.lbctl.io/676b8bb84ce7267d": ""}
    assert speaker_lease("n1") == "lbctl-speaker-n1"


def test_a_lease_is_named_after_its_node_however_long_that_name_is() -> None:
    fits, longer, longest = "n" * 239, "n" * 240, "n." * 126 + "n"
    assert speaker_lease(fits) == "lbctl-speaker-" + fits
    names = {speaker_lease(longer), speaker_lease(longer[:-1] + "m"), speaker_lease(longest)}
    assert len(names) == 3
    assert all(re.fullmatch(r"lbctl-speaker-n[n.]+n-[0-9a-f]{16}", name) for name in names)
    assert all(len(name) <= 253 for name in names)


def test_only_good_news_is_not_a_warning() -> None:
    assert {outcome for outcome in Outcome if not outcome.is_warning} == {
        Outcome.ADDRESS_ALLOCATED,
        Outcome.ADDRESS_ADOPTED,
        Outcome.ADDRESS_RELEASED,
        Outcome.SPEAKER_FOUND,
        Outcome.CONFLICT_OVER,
        Outcome.IN_POOL,
        Outcome.HAND_OFF_AS_ASKED,
        Outcome.DUAL_STACK_INCOMPLETE,
        Outcome.ADDRESS_MOVING,
    }


def test_only_a_ready_pool_gives() -> None:
    assert {reason for reason in PoolReason if reason.gives} == {
        PoolReason.READY,
        PoolReason.ADDRESSES_SKIPPED,
        PoolReason.NOT_ADVERTISED,
    }
