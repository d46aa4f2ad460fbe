"""The agent's settings, and what it says about its node."""

from ipaddress import IPv4Interface
from typing import Any

import pytest

from lbctl.core.speakers import InterfaceView
from speaker.agent.interfaces import Interface
from speaker.agent.registration import status_patch
from speaker.agent.settings import Settings, SettingsError

NEEDED = {"LBCTL_NODE_NAME": "n1", "LBCTL_NAMESPACE": "lbctl-system"}


def test_two_variables_are_enough() -> None:
    settings = Settings.read(NEEDED)

    assert (settings.node, settings.listen_host, settings.listen_port) == ("n1", "127.0.0.1", 7950)
    assert (settings.lease_renew_seconds, settings.lease_duration_seconds) == (5, 15)


def test_an_ipv6_address_to_listen_on() -> None:
    settings = Settings.read({**NEEDED, "LBCTL_LISTEN": "[::1]:80"})

    assert (settings.listen_host, settings.listen_port) == ("::1", 80)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LBCTL_NODE_NAME", ""),
        ("LBCTL_NAMESPACE", ""),
        ("LBCTL_LISTEN", "7950"),
        ("LBCTL_LISTEN", "127.0.0.1:http"),
        ("LBCTL_LEASE_RENEW_SECONDS", "soon"),
        ("LBCTL_LEASE_RENEW_SECONDS", "0"),
        ("LBCTL_LEASE_DURATION_SECONDS", "nan"),
        ("LBCTL_LEASE_DURATION_SECONDS", "6"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.read({**NEEDED, name: value})


VIEW = InterfaceView("eth0", "02:00:00:00:00:01", (IPv4Interface("10.0.0.1/24"),))
INTERFACES = (Interface(2, VIEW),)


def patch(status: Any = None, **fields: Any) -> Any:
    speaker = {"metadata": {"name": "n1", "generation": 1}, "status": status or {}}
    given = {"interfaces": INTERFACES, "version": "1", "wire_alive": True, **fields}
    return status_patch(speaker, **given)


def test_a_speaker_says_what_it_can_announce_on() -> None:
    said = patch()

    assert said["interfaces"] == [
        {
            "name": "eth0",
            "mac": "02:00:00:00:00:01",
            "addresses": ["10.0.0.1/24"],
            "carrier": True,
        }
    ]
    assert patch(said) is None, "and does not repeat itself"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "WireRunning"),
        ({"wire_alive": False}, "WireDown"),
        ({"interfaces": ()}, "NoInterface"),
    ],
)
def test_ready_says_why(fields: dict[str, Any], reason: str) -> None:
    (ready,) = patch(**fields)["conditions"]

    assert (ready["type"], ready["reason"]) == ("Ready", reason)
    assert ready["status"] == str(reason == "WireRunning")
