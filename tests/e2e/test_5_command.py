"""What a person types, on a real cluster with a real LAN: audit, drain, reserve, and back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.asking import lost, watching
from tests.e2e.test_6_conflicts import has
from tests.lab import Lab
from tests.tour.looking import get, until
from tests.tour.site import ROOT, Site

pytestmark = [pytest.mark.lab, pytest.mark.root]

Typed = Callable[..., Any]


@pytest.fixture
def lbctl(lab: Lab) -> Typed:
    """Type `lbctl ...`; what it says as JSON."""

    def typed(*arguments: str, code: int | None = 0) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "lbctl", *arguments, "-o", "json"],
            cwd=ROOT,
            env={**os.environ, "KUBECONFIG": str(lab.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert code in {None, done.returncode}, f"{done.returncode}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    return typed


def holder_of(site: Site, address: str) -> str:
    return str(get(site, "virtualip", address)["status"]["holder"])


def verdict(lbctl: Typed, address: str, *, code: int | None = 0) -> Any:
    (one,) = lbctl("audit", address, code=code)["addresses"]
    return one


def until_well(lbctl: Typed, address: str) -> None:
    until(
        lambda: verdict(lbctl, address, code=None)["verdict"] == "Well",
        what=f"{address} is well, whatever was before",
    )


def test_every_node_hears_the_holder_and_nobody_else(
    installed: Site, address: str, lab: Lab, lbctl: Typed
) -> None:
    until_well(lbctl, address)
    found = lbctl("audit", address)
    (one,) = found["addresses"]
    holder = holder_of(installed, address)
    assert one["verdict"] == "Well"
    assert [(each["mac"], each["node"]) for each in one["answers"]] == [(lab.mac(holder), holder)]
    assert len(one["askedBy"]) == 3
    assert [node["problem"] for node in found["nodes"]] == [""] * 3


def test_a_thief_is_named_by_its_mac(installed: Site, address: str, lab: Lab, lbctl: Typed) -> None:
    with has(lab, address) as thief:
        one = verdict(lbctl, address, code=1)
        assert one["verdict"] in {"Several", "Foreign"}
        assert thief in [each["mac"] for each in one["answers"] if not each["node"]]
    # It may have been released and taken by then; what counts is that one node has it.
    until(lambda: holder_of(installed, address), what="a node holds it")
    until_well(lbctl, address)


def test_an_address_in_no_service_is_free_until_somebody_has_it(
    installed: Site, address: str, lab: Lab, lbctl: Typed
) -> None:
    del installed
    spare = f"{address.rpartition('.')[0]}.199"
    assert verdict(lbctl, spare)["verdict"] == "Free"
    with has(lab, spare) as thief:
        one = verdict(lbctl, spare, code=1)
    assert one["verdict"] == "InUse"
    assert thief in one["message"]


def test_a_node_is_drained_and_taken_back_while_a_client_asks(
    installed: Site, address: str, lab: Lab, lbctl: Typed
) -> None:
    before = holder_of(installed, address)
    try:
        with watching(lab, address) as watched:
            assert lbctl("drain", before)["end"] == "done"
            after = holder_of(installed, address)
            assert after != before
            assert verdict(lbctl, address)["verdict"] == "Well", "the LAN has it so too"
    finally:
        assert lbctl("undrain", before)["end"] == "done"
    assert lost("lbctl drain", watched) == []
    assert holder_of(installed, address) == after, "nothing moves back by itself"
    assert lbctl("rebalance")["end"] == "done"


def test_an_address_is_reserved_and_released(installed: Site, address: str, lbctl: Typed) -> None:
    spare = f"{address.rpartition('.')[0]}.198"
    assert lbctl("reserve", spare, "--for", "default/to-come")["end"] == "done"
    assert get(installed, "virtualip", spare)["spec"]["reservedFor"]["name"] == "to-come"
    assert verdict(lbctl, spare)["verdict"] == "Free"
    assert lbctl("release", spare)["end"] == "done"
    names = [vip["metadata"]["name"] for vip in get(installed, "virtualips")["items"]]
    assert spare not in names
