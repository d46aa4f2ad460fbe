"""Pods that tell everybody who comes, by TCP or UDP, from where they seem to come; and Services."""

import json
from functools import partial
from ipaddress import ip_address
from itertools import product
from typing import Any

from lbctl.core.addresses import object_name
from speaker.netfilter.rewrites import Protocol
from tests.lab import Lab
from tests.lab.spec import FAMILIES, Family
from tests.tour.looking import get, until
from tests.tour.site import Site
from tests.wire.handing_on import asked

PROTOCOLS = (Protocol.TCP, Protocol.UDP)
BOTH_WAYS = [*product(FAMILIES, PROTOCOLS)]
ADVERTISEMENT = "by-node-port"
PORT = 9000
TELLER = f"""
import selectors, socket

ready = selectors.DefaultSelector()
for family in (socket.AF_INET, socket.AF_INET6):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        ear = socket.socket(family, kind)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        ear.bind(("", {PORT}))
        if kind == socket.SOCK_STREAM:
            ear.listen(16)
        ready.register(ear, selectors.EVENT_READ, kind)
while True:
    for key, _ in ready.select():
        one = key.fileobj
        if key.data == socket.SOCK_DGRAM:
            _, source = one.recvfrom(65536)
            one.sendto(source[0].encode(), source)
        elif key.data == socket.SOCK_STREAM:
            ready.register(one.accept()[0], selectors.EVENT_READ, None)
        else:
            try:
                heard = one.recv(65536)
                if heard:
                    one.sendall(one.getpeername()[0].encode())
            except OSError:
                heard = b""
            if not heard:
                ready.unregister(one)
                one.close()
"""
ASKER = """
import socket, sys
host, port = sys.argv[1:]
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as one:
        one.settimeout(3)
        one.connect((host, int(port)))
        one.send(b"?")
        print(one.recv(99).decode())
"""


def advertise(site: Site, hand_off: str) -> None:
    body = {
        "apiVersion": "lbctl.io/v1beta1",
        "kind": "L2Advertisement",
        "metadata": {"name": ADVERTISEMENT},
        "spec": {"handOff": hand_off},
    }
    site.kubectl("apply", "-f", "-", stdin=json.dumps(body))


def service(name: str, **spec: Any) -> str:
    ports = [
        {"name": each.name.lower(), "protocol": each.name, "port": 80, "targetPort": PORT}
        for each in PROTOCOLS
    ]
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "annotations": {"lbctl.io/pools": "tellers"}},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": "teller"},
            "ipFamilyPolicy": "RequireDualStack",
            "ports": ports,
            **spec,
        },
    }
    return json.dumps(body)


def shown(site: Site, name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = get(site, "service", name)["status"]["loadBalancer"]["ingress"]
    return found


def addresses(site: Site, name: str) -> dict[Family, str]:
    """Of either family, once the Service has both and a node holds each."""

    def found() -> dict[Family, str] | None:
        both: dict[Family, str] = {
            6 if ":" in one["ip"] else 4: one["ip"] for one in shown(site, name)
        }
        held = [vip(site, each).get("status", {}).get("holder") for each in both.values()]
        return both if len(both) == len(FAMILIES) and all(held) else None

    return until(found, what=f"{name} has an address of either family, and both are held")


def vip(site: Site, address: str) -> dict[str, Any]:
    found: dict[str, Any] = get(site, "virtualip", object_name(ip_address(address)))
    return found


def handed_on(site: Site, address: str) -> tuple[str, str] | None:
    """Status and reason of the condition."""
    for one in vip(site, address).get("status", {}).get("conditions", []):
        if one["type"] == "HandedOn":
            return one["status"], one["reason"]
    return None


def modes(site: Site, name: str) -> set[str]:
    return {one.get("ipMode", "") for one in shown(site, name)}


def reached(lab: Lab, host: str, protocol: Protocol, address: str) -> str:
    """From where the pod sees a host of the lab come; "" when it does not answer."""
    try:
        return asked(lab.spec.namespace(host), protocol, address, 80)
    except OSError:
        return ""


def wait_reached(lab: Lab, host: str, found: dict[Family, str]) -> None:
    for family, protocol in BOTH_WAYS:
        what = f"{host} reaches {found[family]} by {protocol.name}"
        until(partial(reached, lab, host, protocol, found[family]), what=what, seconds=60)


def daemon_set(image: str) -> str:
    """One on every node, of an image that has Python."""
    body = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "teller"},
        "spec": {
            "selector": {"matchLabels": {"app": "teller"}},
            "template": {
                "metadata": {"labels": {"app": "teller"}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [
                        {
                            "name": "teller",
                            "image": image,
                            "command": ["python3", "-c", TELLER],
                            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
                        }
                    ],
                },
            },
        },
    }
    return json.dumps(body)
