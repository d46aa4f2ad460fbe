"""The quickstart, as a user walks it; every look is an assertion."""

import pytest

from tests.tour import steps
from tests.tour.looking import answering_macs, get, until
from tests.tour.site import NAMESPACE, Site

pytestmark = [pytest.mark.lab, pytest.mark.root]


def test_the_selector_makes_endpoints(installed: Site) -> None:
    steps.endpoints(installed)


def test_the_cluster_ip_answers_inside_from_all_pods(installed: Site) -> None:
    steps.cluster_ip(installed)


def test_the_node_port_of_every_node_answers_inside_from_all_pods(installed: Site) -> None:
    steps.node_port_inside(installed)


def test_the_node_port_of_every_node_answers_outside_from_all_pods(installed: Site) -> None:
    steps.node_port_outside(installed)


def test_the_external_ip_answers_outside_from_all_pods(installed: Site, address: str) -> None:
    seen, again = steps.external_ip(installed)
    assert again == address, seen


def test_exactly_one_node_answers_and_the_virtual_ip_names_it(
    installed: Site, address: str
) -> None:
    _, node = steps.holder(installed, address)
    status = until(
        lambda: (
            (told := get(installed, "virtualip", address)["status"]).get("holder") == node and told
        ),
        what=f"the VirtualIP names {node}",
    )
    assert status["mac"] in answering_macs(installed, address)


def test_the_event_says_what_was_given_and_from_where(installed: Site, address: str) -> None:
    text = until(
        lambda: (
            out
            if "AddressAllocated" in (out := installed.kubectl("describe", "svc", "web"))
            else None
        ),
        what="an AddressAllocated Event on the Service",
    )
    (line,) = [line for line in text.splitlines() if "AddressAllocated" in line]
    assert address in line
    assert '"lan"' in line, "the pool's name"


def test_a_service_that_cannot_be_met_says_why_in_describe(installed: Site) -> None:
    installed.kubectl(
        "apply",
        "-f",
        "-",
        stdin="""
apiVersion: v1
kind: Service
metadata: {name: both, namespace: default}
spec:
  type: LoadBalancer
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  ports: [{port: 80}]
""",
    )
    try:
        until(
            lambda: "NoFreeAddress" in installed.kubectl("describe", "svc", "both"),
            what="an Event that says why there is no address",
        )
        assert steps.service_address(installed, "both") is None
    finally:
        installed.kubectl("delete", "svc", "both")


def test_a_speaker_has_net_raw_and_no_other_capability(installed: Site) -> None:
    pods = get(installed, "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=speaker")[
        "items"
    ]
    for pod in pods:
        status = installed.kubectl(
            "exec", "-n", NAMESPACE, pod["metadata"]["name"], "--", "cat", "/proc/1/status"
        )
        effective = next(line for line in status.splitlines() if line.startswith("CapEff"))
        assert int(effective.split()[1], 16) == 1 << 13, "CAP_NET_RAW is bit 13"


def test_two_operators_run_and_one_leads(installed: Site) -> None:
    lease = get(installed, "lease", "lbctl-operator", "-n", NAMESPACE)
    pods = get(installed, "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator")[
        "items"
    ]
    assert len(pods) == 2
    assert lease["spec"]["holderIdentity"] in {pod["metadata"]["name"] for pod in pods}
