"""kopf's streams outlive an API server that refuses for a long time."""

from collections.abc import Iterable
from itertools import islice

from lbctl.operator.streams import settings


def test_a_refused_stream_is_tried_again_for_ever() -> None:
    pauses = settings().networking.error_backoffs
    assert isinstance(pauses, Iterable)
    hours = [*islice(pauses, 1000)]
    assert len(hours) == 1000, "kopf ends the process after the last one"
    assert hours == sorted(hours)
    assert max(hours) <= 10, "and soon after the API server is back"
    assert next(iter(pauses)) == 1, "each request begins with a short one"
