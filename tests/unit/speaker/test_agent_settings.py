"""The agent's settings, and what it says about its node."""

from dataclasses import replace
from ipaddress import IPv4Interface, ip_address
from typing import Any

import pytest

from lbctl.core.objects.speakers import InterfaceView
from lbctl.kube.conditions import Condition
from speaker.agent.interfaces import Interface
from speaker.agent.registration import PartnersSeen, status_patch
from speaker.agent.settings import Settings, SettingsError
from speaker.messages import Bfd, PeerReport, PeerState
from speaker.netfilter.rewrites import Behaviour, UnknownPorts

NEEDED = {"LBCTL_NODE_NAME": "n1", "LBCTL_NAMESPACE": "lbctl-system"}


def test_two_variables_are_enough() -> None:
    settings = Settings.read(NEEDED)

    assert (settings.node, settings.listen_host, settings.listen_port) == ("n1", "127.0.0.1", 7950)
    assert (settings.lease_renew_seconds, settings.lease_duration_seconds) == (5, 15)
    assert settings.bfd == Bfd(port=3784, interval_ms=100, multiplier=3)


def test_how_sessions_run_can_be_set() -> None:
    given = {"LBCTL_BFD_PORT": "13784", "LBCTL_BFD_INTERVAL_MS": "50", "LBCTL_BFD_MULTIPLIER": "5"}

    assert Settings.read(NEEDED | given).bfd == Bfd(13784, 50, 5)


def test_there_is_no_table_unless_it_is_asked_for() -> None:
    assert Settings.read(NEEDED).table is None
    assert Settings.read(NEEDED | {"LBCTL_NODE_PORT_TABLE": "false"}).table is None


def test_a_table() -> None:
    given = {"LBCTL_NODE_PORT_TABLE": "true", "LBCTL_NODE_ADDRESSES": "10.0.0.1,fd00::1"}
    node = (ip_address("10.0.0.1"), ip_address("fd00::1"))
    assert Settings.read(NEEDED | given).table == Behaviour(node)
    given |= {"LBCTL_UNKNOWN_PORTS": "Drop", "LBCTL_PING": "false"}
    quiet = Behaviour(node, UnknownPorts.DROP, ping=False)
    assert Settings.read(NEEDED | given).table == quiet


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LBCTL_NODE_PORT_TABLE", "yes"),
        ("LBCTL_NODE_ADDRESSES", "n1"),
        ("LBCTL_UNKNOWN_PORTS", "drop"),
        ("LBCTL_PING", "1"),
    ],
)
def test_a_wrong_setting_of_the_table(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.read(NEEDED | {"LBCTL_NODE_PORT_TABLE": "true", name: value})


@pytest.mark.parametrize("url", ["", "http://10.0.0.1:10256/healthz", "http://[fd00::1]:1/livez"])
def test_where_the_proxy_is_asked_can_be_set(url: str) -> None:
    assert Settings.read(NEEDED | {"LBCTL_PROXY_HEALTH_URL": url}).proxy_health_url == url


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
        ("LBCTL_PROXY_HEALTH_URL", "10256"),
        ("LBCTL_PROXY_HEALTH_URL", "https://127.0.0.1:10256/healthz"),
        ("LBCTL_PROXY_HEALTH_URL", "http://:10256/healthz"),
        ("LBCTL_PROXY_HEALTH_URL", "http://127.0.0.1:102560/healthz"),
        ("LBCTL_BFD_PORT", "0"),
        ("LBCTL_BFD_PORT", "65536"),
        ("LBCTL_BFD_INTERVAL_MS", "0.1"),
        ("LBCTL_BFD_INTERVAL_MS", "9"),
        ("LBCTL_BFD_MULTIPLIER", "-3"),
        ("LBCTL_BFD_MULTIPLIER", "256"),
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


def test_a_speaker_names_its_default_gateways_and_is_silent_when_it_has_none() -> None:
    """The API server stores no empty list, so one that is written would be written again."""
    assert "gateways" not in patch()["interfaces"][0]
    routed = replace(VIEW, gateways=(ip_address("10.0.0.254"), ip_address("fd00::fe")))
    written = patch(interfaces=(Interface(2, routed),))
    assert written["interfaces"][0]["gateways"] == ["10.0.0.254", "fd00::fe"]


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


SEEN = PartnersSeen(
    reports=(PeerReport("n2", PeerState.UP, 1_800_000_000.0),),
    alive=frozenset(),
    port=3784,
    now=1_800_000_060.0,
)


def test_a_speaker_says_whom_it_sees() -> None:
    said = patch(partners=SEEN)

    (row,) = said["partners"]
    assert row.items() >= {"node": "n2", "state": "Up", "since": "2027-01-15T08:00:00Z"}.items()
    kinds = {each["type"]: each["status"] for each in said["conditions"]}
    assert kinds == {"Ready": "True", "PartnersReachable": "True"}
    assert patch(said, partners=SEEN) is None, "and does not repeat itself"


def test_what_was_said_of_partners_stands_until_the_wire_speaks_again() -> None:
    assert patch(patch(partners=SEEN), partners=None) is None


def test_a_condition_that_changes_leaves_the_other() -> None:
    before = patch(partners=SEEN)

    said = patch(before, partners=SEEN, wire_alive=False)

    kinds = {each["type"]: each["status"] for each in said["conditions"]}
    assert kinds == {"Ready": "False", "PartnersReachable": "True"}


def test_what_an_older_speaker_said_of_its_table_is_withdrawn_by_one_that_keeps_none() -> None:
    """Else the operator would go on relying on a table that is gone."""
    table = Condition("NodePortReady", True, "TableInPlace", "", 1)
    before = patch(checks=[table])
    said = patch(before, unchecked={"NodePortReady"})
    assert [each["type"] for each in said["conditions"]] == ["Ready"]
    assert patch(before | said, unchecked={"NodePortReady"}) is None, "once"


@pytest.mark.parametrize(("text", "answered"), [(None, True), ("true", True), ("false", False)])
def test_ping_is_answered_unless_it_is_turned_off(text: str | None, *, answered: bool) -> None:
    given = {} if text is None else {"LBCTL_PING": text}
    assert Settings.read({**NEEDED, **given}).ping is answered
    with_table = {**NEEDED, **given, "LBCTL_NODE_PORT_TABLE": "true"}
    table = Settings.read(with_table).table
    assert table is not None
    assert table.ping is answered
