"""Looking at a cluster from outside: waiting for what is true, and asking who answers."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from tests.lab.errors import LabError
from tests.tour.site import Site

T = TypeVar("T")


class NeverSeenError(AssertionError):
    """Something that should have become true did not, in the time that it had."""


def until(look: Callable[[], T | None], *, what: str, seconds: float = 120) -> T:
    """Look again until `look` returns something true; the limit is generous, for busy machines."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = look()
        except (
            subprocess.CalledProcessError,
            subprocess.TimeoutExpired,
            LabError,
            LookupError,
        ) as error:
            last = getattr(error, "stderr", None) or error
        else:
            if last:
                return last
        time.sleep(0.2)
    message = f"not seen within {seconds:.0f} s: {what}; last look: {last!r}"
    raise NeverSeenError(message)


def get(site: Site, *args: str) -> Any:
    """`kubectl get ... -o json`, parsed."""
    return json.loads(site.kubectl("get", *args, "-o", "json"))


def ask(site: Site, url: str) -> str | None:
    """One HTTP request from the outside client on a new connection; the first line, or None."""
    out = site.outside(
        "curl", "--silent", "--fail", "--connect-timeout", "1", "--max-time", "2", url, check=False
    )
    return out.splitlines()[0].strip() if out.strip() else None


def who_answers(
    request: Callable[[], str | None], *, wanted: set[str], seconds: float = 60
) -> Counter[str]:
    """Repeat a request until every one of `wanted` has answered; what answered, and how often."""
    seen: Counter[str] = Counter()

    def all_seen() -> bool:
        answer = request()
        if answer is not None:
            seen[answer] += 1
        return wanted <= seen.keys()

    until(all_seen, what=f"answers from {sorted(wanted)}; had {dict(seen)}", seconds=seconds)
    return seen


def answering_macs(site: Site, address: str) -> set[str]:
    """The MACs that answer one broadcast ARP request each, three times, for an address."""
    out = site.outside("arping", "-c", "3", "-w", "3", "-I", "eth0", address, check=False)
    return {
        word.strip("[]()").lower()
        for line in out.splitlines()
        if "reply" in line.lower() or "bytes from" in line.lower()
        for word in line.split()
        if word.strip("[]()").count(":") == 5
    }


def node_of_mac(site: Site, mac: str) -> str | None:
    """The node whose Speaker reports an interface with that MAC."""
    for speaker in get(site, "speakers")["items"]:
        for interface in speaker.get("status", {}).get("interfaces", []):
            if interface["mac"].lower() == mac.lower():
                return str(speaker["metadata"]["name"])
    return None
