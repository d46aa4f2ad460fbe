"""What one trial says: pure arithmetic over what the client and the listener recorded."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

OK = "ok"


@dataclass(frozen=True, slots=True)
class Request:
    """One connection of the client; times in seconds of the machine's monotonic clock."""

    start: float
    end: float
    outcome: str
    """`ok`, or in a word what went wrong."""
    pod: str = ""
    """Which pod answered."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A frame on the LAN that says the address is at this MAC."""

    at: float
    mac: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds since the fault began, unless said otherwise.

    Attributes:
        moved: until another MAC announced; None if none did.
        first_answer: the end of the longest gap; None if no request failed, or none was answered
            any more.
        gap: the longest time between two answers, as the client saw them.
        failed: requests that failed, of those that were under way when the fault began or started
            later.
        last_failure: when the last of them was started. It ended up to a timeout later, which says
            more about the client's patience than about the cluster.
        requests: started after the fault.
        changes: times that the announcing MAC changed. One is right.
        outcomes: how requests failed, and how many.
        by_pod: answers after the fault, by pod.
        failed_at: when each failed request was started; in flight at the fault is below zero.
    """

    moved: float | None
    first_answer: float | None
    gap: float
    failed: int
    last_failure: float | None
    requests: int
    changes: int
    outcomes: dict[str, int]
    by_pod: dict[str, int]
    failed_at: tuple[float, ...] = ()


def read(
    requests: Sequence[Request], claims: Sequence[Claim], *, holder: str, began: float, until: float
) -> Figures:
    """The figures of a trial.

    Args:
        requests: all that ended before `until`, some of them before the fault.
        claims: all that was heard.
        holder: the MAC that held the address before the fault.
        began: when the fault was caused.
        until: when the client was stopped.
    """
    after = [each for each in requests if each.end > began]
    failures = [each for each in after if each.outcome != OK]
    # The last answer before the fault opens the first gap, the end of the trial closes the last.
    answers = sorted(each.end for each in requests if each.outcome == OK)
    before = [end for end in answers if end <= began][-1:] or [began]
    ends = [*before, *(end for end in answers if end > began), until]
    gap, gap_ends = max((later - earlier, later) for earlier, later in pairwise(ends))
    macs = [holder, *(each.mac for each in claims if each.at > began)]
    return Figures(
        moved=next((c.at - began for c in claims if c.at > began and c.mac != holder), None),
        first_answer=gap_ends - began if failures and gap_ends < until else None,
        gap=gap,
        failed=len(failures),
        last_failure=max((max(0.0, each.start - began) for each in failures), default=None),
        requests=sum(each.start > began for each in after),
        changes=sum(one != other for one, other in pairwise(macs)),
        outcomes=_count(each.outcome for each in failures),
        by_pod=_count(each.pod for each in after if each.outcome == OK),
        failed_at=tuple(round(each.start - began, 4) for each in failures),
    )


def _count(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())
