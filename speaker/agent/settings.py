"""The agent's settings: environment variables and nothing else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from lbctl import __version__
from speaker.messages import Bfd
from speaker.netfilter import TABLE_VARIABLE
from speaker.netfilter.rewrites import Behaviour, UnknownPorts

PROXY_HEALTH_URL: Final = "http://127.0.0.1:10256/healthz"
"""kube-proxy's, unless its configuration says otherwise."""


class SettingsError(ValueError):
    """A variable is missing or means nothing. The message names it and says what to write."""


@dataclass(frozen=True, slots=True)
class Settings:
    node: str
    """LBCTL_NODE_NAME: the Node that this process runs on; the Speaker bears its name."""
    namespace: str
    """LBCTL_NAMESPACE: where the Lease lives."""
    lease_renew_seconds: float = 5.0
    """LBCTL_LEASE_RENEW_SECONDS."""
    lease_duration_seconds: float = 15.0
    """LBCTL_LEASE_DURATION_SECONDS: without a renewal for so long, the node counts as dead."""
    listen_host: str = "127.0.0.1"
    """LBCTL_LISTEN, before the last colon: where /healthz, /readyz and /metrics are served."""
    listen_port: int = 7950
    """LBCTL_LISTEN, after the last colon."""
    bfd: Bfd = field(default_factory=Bfd)
    """LBCTL_BFD_PORT, LBCTL_BFD_INTERVAL_MS, LBCTL_BFD_MULTIPLIER: the same on every node."""
    proxy_health_url: str = PROXY_HEALTH_URL
    """LBCTL_PROXY_HEALTH_URL: where the node's proxy says how it is; "" for not to ask."""
    node_address: str = ""
    """LBCTL_NODE_ADDRESS: the Node's InternalIP, where its proxy may listen; "" when not known."""
    ping: bool = True
    """LBCTL_PING: whether pings to the addresses that are held are answered."""
    table: Behaviour | None = None
    """LBCTL_NODE_PORT_TABLE: whether this speaker keeps the node's nftables table, with
    LBCTL_NODE_ADDRESSES (the Node's InternalIPs) and LBCTL_UNKNOWN_PORTS."""
    metrics_per_address: bool = False
    """LBCTL_METRICS_PER_ADDRESS: whether there are metrics with a series for each address."""
    kubeconfig: Path | None = None
    """LBCTL_KUBECONFIG: instead of the pod's service account."""
    version: str = __version__
    """LBCTL_VERSION, else that of the code."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Take the settings from the environment.

        Raises:
            SettingsError: what is wrong, and with which variable.
        """
        host, port = _listen(environment.get("LBCTL_LISTEN", "127.0.0.1:7950"))
        renew = _seconds(environment, "LBCTL_LEASE_RENEW_SECONDS", 5.0)
        duration = _seconds(environment, "LBCTL_LEASE_DURATION_SECONDS", 15.0)
        if duration < 2 * renew:
            raise SettingsError(
                f"LBCTL_LEASE_DURATION_SECONDS is {duration:g}: it must be at least twice "
                f"LBCTL_LEASE_RENEW_SECONDS ({renew:g}), or one late renewal moves addresses"
            )
        kubeconfig = environment.get("LBCTL_KUBECONFIG")
        return cls(
            node=_required(environment, "LBCTL_NODE_NAME"),
            namespace=_required(environment, "LBCTL_NAMESPACE"),
            lease_renew_seconds=renew,
            lease_duration_seconds=duration,
            listen_host=host,
            listen_port=port,
            bfd=Bfd(
                port=_whole(environment, "LBCTL_BFD_PORT", 3784, range(1, 65_536)),
                interval_ms=_whole(environment, "LBCTL_BFD_INTERVAL_MS", 100, range(10, 10_001)),
                multiplier=_whole(environment, "LBCTL_BFD_MULTIPLIER", 3, range(1, 256)),
            ),
            proxy_health_url=_url(environment, "LBCTL_PROXY_HEALTH_URL", PROXY_HEALTH_URL),
            node_address=environment.get("LBCTL_NODE_ADDRESS", ""),
            ping=_ping(environment),
            table=_table(environment),
            metrics_per_address=_flag(environment, "LBCTL_METRICS_PER_ADDRESS", default=False),
            kubeconfig=Path(kubeconfig) if kubeconfig else None,
            version=environment.get("LBCTL_VERSION") or __version__,
        )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set: the pod takes it from its own fields")
    return value


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise SettingsError(f"{name} is {text!r}: write a number of seconds above 0")
    return seconds


def _whole(environment: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    text = environment.get(name)
    if text is None:
        return default
    number = int(text) if text.isdecimal() and text.isascii() else -1
    if number not in allowed:
        raise SettingsError(
            f"{name} is {text!r}: write a whole number from {allowed[0]} to {allowed[-1]}"
        )
    return number


def _url(environment: Mapping[str, str], name: str, default: str) -> str:
    text = environment.get(name, default)
    try:
        parts = urlsplit(text)
        # Reading the port is what finds a bad one.
        good = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if text and not good:
        raise SettingsError(
            f"{name} is {text!r}: write a URL like {default}, or nothing for not to ask"
        )
    return text


def _table(environment: Mapping[str, str]) -> Behaviour | None:
    if not _flag(environment, TABLE_VARIABLE, default=False):
        return None
    unknown_ports = environment.get("LBCTL_UNKNOWN_PORTS", UnknownPorts.REJECT)
    if unknown_ports not in [*UnknownPorts]:
        raise SettingsError(
            f"LBCTL_UNKNOWN_PORTS is {unknown_ports!r}: write {' or '.join(UnknownPorts)}"
        )
    return Behaviour(_addresses(environment), UnknownPorts(unknown_ports), _ping(environment))


def _ping(environment: Mapping[str, str]) -> bool:
    return _flag(environment, "LBCTL_PING", default=True)


def _addresses(environment: Mapping[str, str]) -> tuple[IPv4Address | IPv6Address, ...]:
    text = environment.get("LBCTL_NODE_ADDRESSES", "")
    try:
        return tuple(ip_address(each) for each in text.split(",") if each)
    except ValueError as error:
        raise SettingsError(
            f"LBCTL_NODE_ADDRESSES is {text!r}: {error}; the pod takes it from its own fields"
        ) from error


def _flag(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environment.get(name)
    if text not in (None, "true", "false"):
        raise SettingsError(f"{name} is {text!r}: write true or false")
    return default if text is None else text == "true"


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingsError(f"LBCTL_LISTEN is {text!r}: write address:port, like 127.0.0.1:7950")
    return host.strip("[]"), int(port)
