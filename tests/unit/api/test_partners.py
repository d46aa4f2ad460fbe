"""The API's words for partners are those that decisions are made upon."""

from lbctl.api.speakers import MAX_PARTNERS, SessionState, Speaker
from lbctl.core.objects.speakers import PartnerReport
from lbctl.core.outcomes import PartnerState
from lbctl.core.reading.objects import speaker_view
from lbctl.core.succession.partners import MOST


def test_states_and_limits_agree() -> None:
    assert {*map(str, SessionState)} == {*map(str, PartnerState)}
    assert MAX_PARTNERS == MOST


def test_what_a_speaker_says_is_read_as_it_was_meant() -> None:
    rows = [{"node": "n2", "state": "Down", "since": "2027-01-15T08:00:00Z"}]
    speaker = Speaker.from_object({"metadata": {"name": "n1"}, "kind": "Speaker",
                                   "status": {"partners": rows}})  # fmt: skip

    assert speaker_view(speaker.to_object()).reports == (PartnerReport("n2", PartnerState.DOWN),)


def test_a_state_of_a_later_version_is_no_report() -> None:
    later = {"metadata": {"name": "n1"}, "status": {"partners": [{"node": "n2", "state": "New"}]}}

    assert speaker_view(later).reports == ()
