"""Who has an address, as one node hears it from the LAN: real kernels answer, and a wire."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wire.network import INTERFACE, Host, Network, enter
from tests.wire.wires import VIP, Wire

pytestmark = pytest.mark.root

ROOT = Path(__file__).parents[2]
TAKEN, FREE = "172.31.9.150", "172.31.9.151"
TAKEN6, FREE6 = "fd00:9::150", "fd00:9::151"


def asked(host: Host, *addresses: str, interface: str = INTERFACE) -> Any:
    """What a process in the host's namespace prints."""
    rows = [
        {
            "address": one,
            "interface": interface,
            "source": host.address6 if ":" in one else host.address,
        }
        for one in addresses
    ]
    done = subprocess.run(
        enter(host.namespace, sys.executable, "-m", "speaker.audit"),
        cwd=ROOT,
        input=json.dumps({"questions": rows}) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_holder_that_is_alone_and_an_address_that_nobody_has(
    network: Network, wire: Wire
) -> None:
    wire.hold(VIP)
    auditor = network.host("auditor", 12)
    found = asked(auditor, VIP, FREE)
    assert found == {"answers": {VIP: ["02:00:00:00:00:0b"], FREE: []}, "unasked": {}}


def test_everybody_who_answers_is_named(network: Network) -> None:
    auditor = network.host("auditor", 12)
    for number in (21, 22):
        host = network.host(f"thief{number}", number)
        host.ip("address", "add", f"{TAKEN}/24", "dev", INTERFACE)
    found = asked(auditor, TAKEN)["answers"][TAKEN]
    assert sorted(found) == ["02:00:00:00:00:15", "02:00:00:00:00:16"]


def test_ipv6(network: Network) -> None:
    auditor, host = network.host("auditor", 12), network.host("host", 21)
    network.speak_ipv6(auditor, host)
    host.ip("address", "add", f"{TAKEN6}/64", "dev", INTERFACE, "nodad")
    found = asked(auditor, TAKEN6, FREE6)["answers"]
    assert found == {TAKEN6: ["02:00:00:00:00:15"], FREE6: []}


def test_an_interface_that_is_not_there_is_told(network: Network) -> None:
    found = asked(network.host("auditor", 12), FREE, interface="gone0")
    assert found == {"answers": {}, "unasked": {FREE: "gone0: no interface with this name"}}
