"""What the API server itself says about our kinds: a real one, with the CRDs of the chart."""

import json
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from lbctl.api.crd import KINDS
from lbctl.core.addresses import object_name
from tests.lab import Lab
from tests.unit.core.entries import ACCEPTED, NO_ENTRY, REFUSED, Accepted, Refused

pytestmark = pytest.mark.lab

CHART = Path(__file__).parents[2] / "charts" / "lbctl" / "files" / "crds"
API = ("lbctl.io", "v1beta1")

OWNER = {"namespace": "default", "name": "web", "uid": "uid-web"}
OTHER = {"namespace": "default", "name": "web", "uid": "uid-other"}
HTTP = {"protocol": "TCP", "port": 80}
FOR_WEB = {"namespace": "default", "name": "web"}
NOON = "2026-01-01T12:00:00Z"


class Refusal(Exception):  # noqa: N818 - the API server's answer, not a fault
    """What the API server answered: its sentences, one for each cause."""

    def __init__(self, error: client.ApiException) -> None:
        status = json.loads(error.body)
        self.causes = [
            f"{cause.get('field')}: {cause['message']}" for cause in status["details"]["causes"]
        ]
        super().__init__("\n".join(self.causes))


class Objects:
    """Cluster-scoped objects of our group, by plural."""

    def __init__(self, kubeconfig: Path) -> None:
        self.connection = config.new_client_from_config(str(kubeconfig))
        self._api = client.CustomObjectsApi(self.connection)

    def create(self, plural: str, body: dict[str, Any], *, keep: bool = False) -> dict[str, Any]:
        """Create an object, for real or just to hear what the API server says."""
        dry_run = {} if keep else {"dry_run": "All"}
        try:
            made: dict[str, Any] = self._api.create_cluster_custom_object(
                *API, plural, body, **dry_run
            )
        except client.ApiException as error:
            raise Refusal(error) from error
        return made

    def replace(self, plural: str, body: dict[str, Any]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        try:
            made: dict[str, Any] = self._api.replace_cluster_custom_object(*API, plural, name, body)
        except client.ApiException as error:
            raise Refusal(error) from error
        return made

    def write_status(self, plural: str, name: str, status: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._api.patch_cluster_custom_object_status(
            *API, plural, name, {"status": status}
        )
        return made

    def names(self, plural: str, selector: str) -> list[str]:
        found = self._api.list_cluster_custom_object(*API, plural, field_selector=selector)
        return [item["metadata"]["name"] for item in found["items"]]

    def delete(self, plural: str, name: str) -> None:
        self._api.delete_cluster_custom_object(*API, plural, name)


@pytest.fixture(scope="module")
def objects(control_plane: Lab, kube: Path) -> Iterator[Objects]:
    control_plane.kubectl("apply", "-f", CHART)
    names = [f"crd/{kind.definition.plural}.lbctl.io" for kind in KINDS]
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
    found = Objects(kube)
    await_endpoints(found)
    yield found
    found.connection.close()


def await_endpoints(found: Objects) -> None:
    """An established CRD is served a moment later."""
    deadline = time.monotonic() + 30
    while True:
        try:
            for kind in KINDS:
                found.names(kind.definition.plural, "")
        except client.ApiException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def kept(objects: Objects) -> Iterator[list[tuple[str, str]]]:
    """Objects that a test makes for real, by plural and name. They go when it ends."""
    made: list[tuple[str, str]] = []
    yield made
    for plural, name in made:
        objects.delete(plural, name)


def pool(*entries: str, **spec: Any) -> dict[str, Any]:
    return body("IPAddressPool", "crd-test", {"addresses": [*entries], **spec})


def virtual_ip(address: str, name: str = "", **spec: Any) -> dict[str, Any]:
    return body("VirtualIP", name or address, {"address": address, **spec})


def advertisement(**spec: Any) -> dict[str, Any]:
    return body("L2Advertisement", "crd-test", spec)


def requirement(operator: str, *values: str, key: str = "tier") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}


def holds(stored: object, given: object) -> bool:
    """Whether all that was given is stored as it was; defaults may have joined it."""
    if isinstance(stored, dict) and isinstance(given, dict):
        return all(key in stored and holds(stored[key], value) for key, value in given.items())
    return stored == given


def body(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "lbctl.io/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row.rule)
def test_a_pool_may_hold(objects: Objects, row: Accepted) -> None:
    made = objects.create("ipaddresspools", pool("192.0.2.0/24", row.entry))
    assert made["spec"] == {
        "addresses": ["192.0.2.0/24", row.entry],
        "autoAssign": True,
        "avoidBuggyIPs": False,
        "allowSubnetEdges": False,
        "disabled": False,
        "cooldown": "0s",
        "retainFor": "0s",
        "onRemoval": "Keep",
    }


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row.rule)
def test_a_pool_may_exclude(objects: Objects, row: Accepted) -> None:
    made = objects.create("ipaddresspools", pool("192.0.2.0/24", exclude=[row.entry]))
    assert made["spec"]["exclude"] == [row.entry]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.rule)
def test_a_pool_may_not_exclude(objects: Objects, row: Refused) -> None:
    with pytest.raises(Refusal) as refusal:
        objects.create("ipaddresspools", pool("192.0.2.0/24", exclude=[row.entry]))
    (cause,) = refusal.value.causes
    assert cause.startswith("spec.exclude[0]: Invalid value:")
    assert row.says in cause


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.rule)
def test_a_pool_may_not_hold(objects: Objects, row: Refused) -> None:
    with pytest.raises(Refusal) as refusal:
        objects.create("ipaddresspools", pool("192.0.2.0/24", row.entry))
    (cause,) = refusal.value.causes
    assert cause.startswith("spec.addresses[1]: Invalid value:")
    assert f'"{row.entry}"' in cause
    assert row.says in cause


@pytest.mark.parametrize(
    ("rule", "given", "says"),
    [
        ("a pool names addresses", pool(), "spec.addresses in body should have at least 1 items"),
        ("no more than 64 entries", pool(*(f"10.0.0.{n}" for n in range(65))), "at most 64 items"),
        ("no entry comes twice", pool("10.0.0.1", "10.0.0.1"), "spec.addresses[1]: Duplicate"),
        ("an entry is short", pool("1" * 82), "may not be more than 81"),
        ("disabled is true or false", pool("10.0.0.1", disabled="yes"), "type boolean"),
        (
            "no excluded entry comes twice",
            pool("10.0.0.1", exclude=["10.0.0.2", "10.0.0.2"]),
            "spec.exclude[1]: Duplicate",
        ),
        *(
            (
                f"a duration has a unit, hours first, and nothing but whole numbers ({text})",
                pool("10.0.0.1", cooldown=text),
                f'"{text}" is no duration: write one like 90s, 10m or 24h',
            )
            for text in ("90", "", "1.5h", "10s5m", "-3s", "1d")
        ),
        (
            "so has the time for which an address is kept",
            pool("10.0.0.1", retainFor="a while"),
            '"a while" is no duration: write one like 90s, 10m or 24h',
        ),
        (
            "what becomes of addresses is one of two words",
            pool("10.0.0.1", onRemoval="Drop"),
            "spec.onRemoval: Unsupported value",
        ),
        (
            "a namespace has a name, not a pattern",
            pool("10.0.0.1", allocation={"namespaces": ["team-*"]}),
            '"team-*" is no name of a namespace: write one like team-a; patterns are not known',
        ),
        (
            "no namespace comes twice",
            pool("10.0.0.1", allocation={"namespaces": ["a", "a"]}),
            "spec.allocation.namespaces[1]: Duplicate",
        ),
        (
            "a priority is a number from 1 up",
            pool("10.0.0.1", allocation={"priority": 0}),
            "should be greater than or equal to 1",
        ),
        (
            "a quota lets at least one address through",
            pool("10.0.0.1", allocation={"quotaPerNamespace": 0}),
            "should be greater than or equal to 1",
        ),
        (
            "who may share an address is one of two words",
            pool("10.0.0.1", allocation={"sharing": "Everybody"}),
            "spec.allocation.sharing: Unsupported value",
        ),
        (
            "the selectors of a pool are selectors",
            pool("10.0.0.1", allocation={"namespaceSelectors": [requirement("In")]}),
            "In and NotIn need values, Exists and DoesNotExist take none",
        ),
        ("an octet has one form", virtual_ip("10.0.0.010"), "is no IP address: write one like"),
        ("an address is an address", virtual_ip("web"), "is no IP address: write one like"),
        (
            "an IPv6 address has one form",
            virtual_ip("fd00:0::1", name=object_name(ip_address("fd00::1"))),
            '"fd00:0::1" has another form (RFC 5952): write it in lower case,',
        ),
        (
            "link-local is everybody's",
            virtual_ip("fe80::1", name=object_name(ip_address("fe80::1"))),
            '"fe80::1" is no address that a host of a LAN can have',
        ),
        (
            "the name of an IPv6 address is written out",
            virtual_ip("fd00::1", name="fd00--1"),
            "written out and with - for :, like fd00-0110-0000-0000-0000-0000-0000-0100",
        ),
        (
            "an IPv6 VirtualIP is named after its own address",
            virtual_ip("fd00::1", name=object_name(ip_address("fd00::2"))),
            "metadata.name must be the address itself",
        ),
        (
            "multicast is nobody's",
            virtual_ip("224.0.0.1"),
            '"224.0.0.1" is no address that a host of a LAN can have',
        ),
        (
            "a VirtualIP is named after its address",
            virtual_ip("10.0.0.1", name="10.0.0.2"),
            "metadata.name must be the address itself: write name: 10.0.0.1",
        ),
        (
            "an address has 64 Services at most",
            virtual_ip(
                "10.0.0.1", sharingKey="k", services=[{**OWNER, "uid": f"u{n}"} for n in range(65)]
            ),
            "must have at most 64 items",
        ),
        (
            "several Services share under a key",
            virtual_ip("10.0.0.1", services=[OWNER, OTHER]),
            "write spec.sharingKey, or leave one Service in spec.services",
        ),
        (
            "what nobody has is not shared",
            virtual_ip("10.0.0.1", sharingKey="edge"),
            "remove spec.sharingKey",
        ),
        (
            "a sharing key is short",
            virtual_ip("10.0.0.1", services=[OWNER], sharingKey="k" * 254),
            "may not be more than 253",
        ),
        (
            "a Service has a port once",
            virtual_ip("10.0.0.1", services=[{**OWNER, "ports": [HTTP, HTTP]}]),
            "spec.services[0].ports[1]: Duplicate value",
        ),
        (
            "a protocol is one of three",
            virtual_ip(
                "10.0.0.1", services=[{**OWNER, "ports": [{"protocol": "ICMP", "port": 1}]}]
            ),
            'supported values: "TCP", "UDP", "SCTP"',
        ),
        (
            "a reservation names whom it is for",
            virtual_ip("10.0.0.1", reservedFor={"namespace": "shop"}),
            "spec.reservedFor.name: Required value",
        ),
        (
            "what is being released is not reserved",
            virtual_ip("10.0.0.1", reservedFor=FOR_WEB, release={}),
            "wait until this VirtualIP is gone",
        ),
        (
            "a Service is named with its uid",
            virtual_ip("10.0.0.1", services=[{"namespace": "default", "name": "web"}]),
            "spec.services[0].uid: Required value",
        ),
        (
            "what has a Service is not released",
            virtual_ip("10.0.0.1", services=[OWNER], release={}),
            "remove spec.release, or empty spec.services",
        ),
        (
            "no node comes twice in a succession",
            virtual_ip("10.0.0.1", succession=["n1", "n1"]),
            "spec.succession[1]: Duplicate value",
        ),
        (
            "a succession has 16 nodes at most",
            virtual_ip("10.0.0.1", succession=[f"n{n}" for n in range(17)]),
            "must have at most 16 items",
        ),
        (
            "who hands over is not who takes over",
            virtual_ip("10.0.0.1", succession=["n1", "n2"], outgoing="n1"),
            "name another node there first, or remove spec.outgoing",
        ),
        (
            "who hands over hands over to somebody",
            virtual_ip("10.0.0.1", outgoing="n1"),
            "name another node there first, or remove spec.outgoing",
        ),
        (
            "an interface's name is short",
            virtual_ip("10.0.0.1", interfaces=["a" * 16]),
            "may not be more than 15",
        ),
        (
            "announcements have a pause between them",
            virtual_ip("10.0.0.1", announcement={"burstMilliseconds": [100, 9]}),
            "should be greater than or equal to 10",
        ),
        (
            "an address is announced again within the hour",
            virtual_ip("10.0.0.1", announcement={"refreshSeconds": 3601}),
            "should be less than or equal to 3600",
        ),
        (
            "a port is a port",
            virtual_ip("10.0.0.1", handOff={"healthCheckNodePort": 65536}),
            "should be less than or equal to 65535",
        ),
        (
            "each port goes to one nodePort",
            virtual_ip(
                "10.0.0.1",
                handOff={
                    "nodePorts": [
                        {"protocol": "TCP", "port": 80, "nodePort": number}
                        for number in (30080, 30081)
                    ]
                },
            ),
            "Duplicate value",
        ),
        (
            "nodePorts end when there are any",
            virtual_ip("10.0.0.1", handOff={"nodePortsUntil": "2026-01-01T00:00:00Z"}),
            "write nodePorts, or leave it out",
        ),
        (
            "there are two ways to hand on",
            advertisement(handOff="EBPF"),
            'supported values: "ClusterProxy", "NodePort"',
        ),
        (
            "a label's key is one",
            advertisement(nodeSelectors=[requirement("Exists", key="a/b/c")]),
            '"a/b/c" is no label key: write one like topology.kubernetes.io/zone',
        ),
        (
            "a label's value is one",
            advertisement(nodeSelectors=[requirement("In", "no spaces")]),
            '"no spaces" is no label value: write letters, digits',
        ),
        (
            "a label's value is one in matchLabels too",
            advertisement(serviceSelectors=[{"matchLabels": {"tier": "-"}}]),
            '"-" is no label value: write letters, digits',
        ),
        (
            "In needs values",
            advertisement(ipAddressPoolSelectors=[requirement("In")]),
            "In and NotIn need values, Exists and DoesNotExist take none",
        ),
        (
            "Exists takes none",
            advertisement(ipAddressPoolSelectors=[requirement("Exists", "gold")]),
            "In and NotIn need values, Exists and DoesNotExist take none",
        ),
        (
            "an operator is one of four",
            advertisement(ipAddressPoolSelectors=[requirement("Gt", "1")]),
            'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
        ),
        (
            "a preference has a weight",
            advertisement(preferredNodes=[{"weight": 0, "nodeSelector": {}}]),
            "should be greater than or equal to 1",
        ),
        (
            "a taint has an effect that Kubernetes knows",
            advertisement(avoidedTaints=[{"key": "a", "effect": "Run"}]),
            'supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
        ),
        (
            "a hold-off is for fail-back",
            advertisement(holdOffSeconds=5),
            "write failback: AfterHoldOff, or remove holdOffSeconds",
        ),
        (
            "fail-back is to preferred nodes",
            advertisement(failback="AfterHoldOff"),
            "name some in preferredNodes, or write failback: Never",
        ),
        (
            "no pool comes twice",
            advertisement(ipAddressPools=["lab", "lab"]),
            "spec.ipAddressPools[1]: Duplicate value",
        ),
    ],
)
def test_refused(objects: Objects, rule: str, given: dict[str, Any], says: str) -> None:
    plural = f"{given['kind'].lower()}s"
    with pytest.raises(Refusal) as refusal:
        objects.create(plural, given)
    assert says in str(refusal.value), rule


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        ("a reservation", virtual_ip("10.0.0.1")),
        ("an IPv6 address", virtual_ip("fd00:110::a", name=object_name(ip_address("fd00:110::a")))),
        ("an address with its Service", virtual_ip("10.0.0.1", pool="lab", services=[OWNER])),
        (
            "an address that several share",
            virtual_ip(
                "10.0.0.1",
                services=[
                    {**OWNER, "ports": [HTTP, {**HTTP, "protocol": "UDP"}], "localPods": "app=web"},
                    {**OTHER, "ports": [{**HTTP, "port": 81}], "localPods": "app=web"},
                ],
                sharingKey="edge",
            ),
        ),
        ("a reservation for a Service", virtual_ip("10.0.0.1", reservedFor=FOR_WEB)),
        *(
            (f"a duration of {text}", pool("10.0.0.1", cooldown=text, retainFor=text))
            for text in ("0s", "90s", "10m", "1h30m", "24h", "1h1s")
        ),
        ("a pool that is emptied", pool("10.0.0.1", disabled=True, onRemoval="Reassign")),
        (
            "a reservation that its Service has taken",
            virtual_ip("10.0.0.1", reservedFor=FOR_WEB, services=[OWNER]),
        ),
        ("a release without a verifier", virtual_ip("10.0.0.1", services=[], release={})),
        (
            "a release with one",
            virtual_ip("10.0.0.1", release={"verifier": "n1"}, succession=["n2", "n1"]),
        ),
        (
            "a move to the first of the succession, with all that the operator plans",
            virtual_ip(
                "10.0.0.1",
                succession=["n2", "n1"],
                outgoing="n1",
                interfaces=["eth1", "a234567890abcde"],
                announcement={"burstMilliseconds": [10, 60000], "refreshSeconds": 3600},
                handOff={
                    "healthCheckNodePort": 32000,
                    "nodePorts": [{"protocol": "TCP", "port": 80, "nodePort": 30080}],
                    "nodePortsUntil": "2026-01-01T00:00:00Z",
                },
            ),
        ),
        (
            "a pool with all that it can say",
            pool(
                "10.0.0.0/24",
                "fd00::/64",
                exclude=["10.0.0.0/28", "fd00::1-fd00::9"],
                autoAssign=False,
                avoidBuggyIPs=True,
                allowSubnetEdges=True,
                disabled=True,
                allocation={
                    "priority": 1_000_000,
                    "namespaces": ["team-a", "n" * 63],
                    "namespaceSelectors": [{"matchLabels": {"tier": "gold"}}],
                    "serviceSelectors": [{}],
                    "quotaPerNamespace": 1,
                    "sharing": "AcrossNamespaces",
                },
            ),
        ),
        (
            "a pool for as many namespaces as there may be",
            pool("10.0.0.1", allocation={"namespaces": [f"{n:063}" for n in range(256)]}),
        ),
        ("an advertisement of everything", advertisement()),
        (
            "an advertisement with all that it can say",
            advertisement(
                ipAddressPools=["lab"],
                ipAddressPoolSelectors=[{"matchLabels": {"a.b/c_d.e": "f"}}],
                serviceSelectors=[requirement("NotIn", "gold", "", "1.0-a_B")],
                nodeSelectors=[
                    {
                        "matchExpressions": [
                            {"key": "topology.kubernetes.io/zone", "operator": "Exists"}
                        ]
                    }
                ],
                avoidedTaints=[{"key": "a/b", "value": "", "effect": "NoExecute"}],
                interfaces=["eth1"],
                preferredNodes=[{"weight": 100, "nodeSelector": {}}],
                announcement={"burstMilliseconds": [], "refreshSeconds": 1},
                failback="AfterHoldOff",
                handOff="NodePort",
                holdOffSeconds=0,
            ),
        ),
        (
            "as many selectors as there may be",
            advertisement(
                nodeSelectors=[
                    {
                        "matchLabels": {f"{'k' * 62}{n}": "v" * 63 for n in range(8)},
                        "matchExpressions": [
                            {
                                "key": f"{'d' * 60}.{'d' * 60}/{'k' * 63}",
                                "operator": "In",
                                "values": [f"{n:063}" for n in range(32)],
                            }
                        ]
                        * 8,
                    }
                ]
                * 16,
            ),
        ),
        (
            "a succession of 16 nodes with long names",
            virtual_ip("10.0.0.1", succession=[f"{n:0253}" for n in range(16)]),
        ),
    ],
)
def test_let_in(objects: Objects, rule: str, given: dict[str, Any]) -> None:
    made = objects.create(f"{given['kind'].lower()}s", given)
    assert holds(made["spec"], given["spec"]), rule


def test_64_of_the_longest_entries_are_within_cels_limits(objects: Objects) -> None:
    entries = [f"192.168.{n}.100{' ' * 24} - {' ' * 24}192.168.{n}.200" for n in range(100, 164)]
    assert max(map(len, entries)) == 81
    assert objects.create("ipaddresspools", pool(*entries, exclude=entries))


def test_64_ipv6_ranges_that_differ_in_the_last_bit_are_within_cels_limits(
    objects: Objects,
) -> None:
    """The order of two IPv6 addresses is found bit by bit: these take longest."""
    long = [f"fd00:{n:04x}{':ffff' * 5}" for n in range(64)]
    entries = [f"{net}:fffe - {net}:ffff" for net in long]
    assert max(map(len, entries)) == 81
    assert objects.create("ipaddresspools", pool(*entries, exclude=entries))


def test_an_entry_is_refused_once_and_only_the_wrong_one(objects: Objects) -> None:
    with pytest.raises(Refusal) as refusal:
        objects.create("ipaddresspools", pool("10.0.0.1", "lan", "10.0.0.9-10.0.0.2"))
    assert [cause.partition(":")[0] for cause in refusal.value.causes] == [
        "spec.addresses[1]",
        "spec.addresses[2]",
    ]
    assert NO_ENTRY in refusal.value.causes[0]


def test_an_address_does_not_change(objects: Objects, kept: list[tuple[str, str]]) -> None:
    made = objects.create("virtualips", virtual_ip("192.0.2.77"), keep=True)
    kept.append(("virtualips", "192.0.2.77"))
    made["spec"]["address"] = "192.0.2.78"
    with pytest.raises(Refusal, match="delete this VirtualIP and create another one"):
        objects.replace("virtualips", made)


def test_fields_that_are_not_there_yet_are_not_stored(objects: Objects) -> None:
    made = objects.create("ipaddresspools", pool("10.0.0.1", rotate="daily"))
    assert "rotate" not in made["spec"]


def condition(kind: str, reason: str) -> dict[str, Any]:
    return {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": NOON}


def columns(lab: Lab, *args: str) -> dict[str, str]:
    """The one row that kubectl prints, by the heads of its columns."""
    head, row = lab.kubectl("get", *args, "-o", "wide").splitlines()
    starts = [head.index(name) for name in head.split()]
    ends = [*starts[1:], None]
    return {
        head[start:end].strip(): row[start:end].strip()
        for start, end in zip(starts, ends, strict=True)
    }


def test_kubectl_shows_a_pool(
    control_plane: Lab,
    objects: Objects,
    kept: list[tuple[str, str]],
) -> None:
    made = pool("192.0.2.0/28", exclude=["192.0.2.9"], allocation={"priority": 7})
    objects.create("ipaddresspools", made, keep=True)
    kept.append(("ipaddresspools", "crd-test"))
    status = {
        "ipv4": {
            "total": 16,
            "used": 3,
            "free": 12,
            "excluded": 1,
            "quarantined": 0,
            "coolingDown": 1,
            "reserved": 2,
        },
        "ipv6": {"total": 2**53 - 1, "used": 7, "free": 2**53 - 8},
        "conditions": [condition("Ready", "AddressesSkipped")],
    }
    objects.write_status("ipaddresspools", "crd-test", status)
    shown = columns(control_plane, "ippool", "crd-test")
    assert shown.pop("AGE")
    assert shown == {
        "NAME": "crd-test",
        "ADDRESSES": '["192.0.2.0/28"]',
        "TOTAL": "16",
        "USED": "3",
        "FREE": "12",
        "EXCLUDED": "1",
        "COOLING": "1",
        "RESERVED": "2",
        "TOTAL6": "9007199254740991",
        "USED6": "7",
        "FREE6": "9007199254740984",
        "AUTO": "true",
        "PRIORITY": "7",
        "READY": "True",
        "REASON": "AddressesSkipped",
    }


def test_an_advertisement_needs_no_spec(objects: Objects) -> None:
    given = body("L2Advertisement", "crd-test", {})
    del given["spec"]
    assert objects.create("l2advertisements", given)


def test_kubectl_shows_an_advertisement(
    control_plane: Lab,
    objects: Objects,
    kept: list[tuple[str, str]],
) -> None:
    objects.create("l2advertisements", advertisement(), keep=True)
    kept.append(("l2advertisements", "crd-test"))
    status = {
        "pools": 1,
        "nodes": 3,
        "addresses": 20,
        "conditions": [condition("Ready", "PoolNotFound")],
    }
    objects.write_status("l2advertisements", "crd-test", status)
    shown = columns(control_plane, "l2ads", "crd-test")
    assert shown.pop("AGE")
    assert shown == {
        "NAME": "crd-test",
        "POOLS": "1",
        "NODES": "3",
        "ADDRESSES": "20",
        "READY": "True",
        "REASON": "PoolNotFound",
        "FAILBACK": "Never",
    }


def test_kubectl_shows_a_virtual_ip_and_finds_it_by_pool_and_holder(
    control_plane: Lab,
    objects: Objects,
    kept: list[tuple[str, str]],
) -> None:
    made = virtual_ip(
        "192.0.2.77",
        pool="crd-test",
        services=[OWNER],
        sharingKey="edge",
        reservedFor=FOR_WEB,
    )
    objects.create("virtualips", made, keep=True)
    kept.append(("virtualips", "192.0.2.77"))
    status = {
        "holder": "n1",
        "interface": "eth0",
        "mac": "02:00:00:00:00:01",
        "since": NOON,
        "everHeld": True,
        "conflict": {"mac": "02:00:00:00:00:99", "node": "n1", "since": NOON},
        "conditions": [
            condition("Announced", "Holding"),
            condition("Planned", "Planned"),
            condition("InPool", "InPool"),
        ],
    }
    objects.write_status("virtualips", "192.0.2.77", status)
    shown = columns(control_plane, "vip", "192.0.2.77")
    assert shown.pop("AGE")
    assert shown == {
        "NAME": "192.0.2.77",
        "NAMESPACE": "default",
        "SERVICE": "web",
        "SHARED": "edge",
        "RESERVED": "web",
        "POOL": "crd-test",
        "INPOOL": "True",
        "HOLDER": "n1",
        "INTERFACE": "eth0",
        "MAC": "02:00:00:00:00:01",
        "ANNOUNCED": "True",
        "REASON": "Holding",
        "CONFLICT": "02:00:00:00:00:99",
        "HANDOFF": "",
        "PLANNED": "Planned",
        "RELEASED": "",
    }
    assert objects.names("virtualips", "spec.pool=crd-test,status.holder=n1") == ["192.0.2.77"]
    assert objects.names("virtualips", "spec.pool=crd-test,status.holder=n2") == []


def test_kubectl_shows_a_speaker(
    control_plane: Lab,
    objects: Objects,
    kept: list[tuple[str, str]],
) -> None:
    bare = {
        "apiVersion": "lbctl.io/v1beta1",
        "kind": "Speaker",
        "metadata": {"name": "crd-test"},
    }
    objects.create("speakers", bare, keep=True)
    kept.append(("speakers", "crd-test"))
    interface = {
        "name": "eth0",
        "mac": "02:00:00:00:00:01",
        "addresses": ["192.0.2.11/24"],
        "carrier": True,
    }
    status = {
        "version": "0.1.0",
        "interfaces": [interface],
        "partners": [{"node": "n2", "interface": "eth0", "state": "Up", "since": NOON}],
        "conditions": [
            condition("Ready", "WireRunning"),
            condition("PartnersReachable", "Reachable"),
            condition("HandOffReady", "ProxyHealthy"),
        ],
    }
    objects.write_status("speakers", "crd-test", status)
    shown = columns(control_plane, "speakers", "crd-test")
    assert shown.pop("AGE")
    assert shown == {
        "NAME": "crd-test",
        "READY": "True",
        "INTERFACE": "eth0",
        "MAC": "02:00:00:00:00:01",
        "ADDRESSES": '["192.0.2.11/24"]',
        "PARTNERS": "True",
        "HANDOFF": "True",
        "VERSION": "0.1.0",
    }


@pytest.mark.usefixtures("objects")
def test_one_word_shows_all_kinds(control_plane: Lab) -> None:
    listed = control_plane.kubectl("api-resources", "--categories=lbctl", "-o", "name").split()
    assert listed == sorted(f"{kind.definition.plural}.lbctl.io" for kind in KINDS)


@pytest.mark.usefixtures("objects")
def test_every_field_is_explained(control_plane: Lab) -> None:
    for kind in KINDS:
        told = control_plane.kubectl("explain", f"{kind.definition.plural}.lbctl.io", "--recursive")
        assert "<empty>" not in told
