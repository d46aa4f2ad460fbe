"""Things break; the address goes on answering, from exactly one node."""

import pytest

from tests.lab import Lab
from tests.tour import steps
from tests.tour.looking import answering_macs, ask, get, until
from tests.tour.site import NAMESPACE, Site

pytestmark = [pytest.mark.lab, pytest.mark.root]


def holder(site: Site, address: str) -> str:
    _, node = steps.holder(site, address)
    return node


def speaker_pod(site: Site, node: str) -> str:
    pods = get(site, "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=speaker")["items"]
    (name,) = [
        pod["metadata"]["name"]
        for pod in pods
        if pod["spec"]["nodeName"] == node and "deletionTimestamp" not in pod["metadata"]
    ]
    return str(name)


def answers(site: Site, address: str) -> str:
    return until(lambda: ask(site, f"http://{address}:8080/"), what=f"{address} answers")


def test_a_deleted_speaker_pod_leaves_exactly_one_node_answering(
    installed: Site, address: str
) -> None:
    node = holder(installed, address)
    installed.kubectl("delete", "pod", "-n", NAMESPACE, speaker_pod(installed, node))
    answers(installed, address)
    until(lambda: len(answering_macs(installed, address)) == 1, what="one node answers")


def test_a_killed_speaker_comes_back_and_one_node_answers(
    installed: Site, address: str, lab: Lab
) -> None:
    lab.faults.speaker_killed(holder(installed, address))
    answers(installed, address)
    until(lambda: len(answering_macs(installed, address)) == 1, what="one node answers")


def test_the_leading_operator_is_deleted_and_a_new_service_still_gets_an_address(
    installed: Site,
) -> None:
    leader = get(installed, "lease", "lbctl-operator", "-n", NAMESPACE)["spec"]["holderIdentity"]
    installed.kubectl("delete", "pod", "-n", NAMESPACE, leader, "--grace-period=0", "--force")
    installed.kubectl("create", "service", "loadbalancer", "late", "--tcp=80:80")
    try:
        late = until(lambda: steps.service_address(installed, "late"), what="an address for `late`")
    finally:
        installed.kubectl("delete", "service", "late")
    until(
        lambda: late not in installed.kubectl("get", "virtualips", "-o", "name"),
        what=f"{late} is free again",
    )
    assert not answering_macs(installed, late)


def test_a_node_is_powered_off_and_another_takes_its_address(
    installed: Site, address: str, lab: Lab
) -> None:
    dead = holder(installed, address)
    lab.faults.power_cut(dead)
    try:
        _, node = steps.another_holder(installed, address, dead)
    finally:
        lab.faults.power_on(dead)
    until(
        lambda: dead in steps.node_addresses(installed), what=f"{dead} is Ready again", seconds=240
    )
    until(lambda: speaker_pod(installed, dead), what=f"{dead} has a speaker again")
    until(
        lambda: any(
            lease["metadata"]["name"] == f"lbctl-speaker-{dead}"
            and lease["spec"].get("holderIdentity") == dead
            for lease in get(installed, "leases", "-n", NAMESPACE)["items"]
        ),
        what=f"the speaker of {dead} renews its Lease",
    )
    _, again = steps.holder(installed, address)
    assert again == node, "no fail-back: who holds, keeps"


def test_a_healed_partition_leaves_exactly_one_node_answering(
    installed: Site, address: str, lab: Lab
) -> None:
    cut_off = holder(installed, address)
    lab.faults.switch_port_dead(cut_off)
    try:
        steps.another_holder(installed, address, cut_off)
    finally:
        lab.faults.switch_port_alive(cut_off)
    until(lambda: cut_off in steps.node_addresses(installed), what=f"{cut_off} is Ready again")

    def one_answers_and_the_api_agrees() -> bool:
        macs = answering_macs(installed, address)
        status = get(installed, "virtualip", address)["status"]
        return len(macs) == 1 and status["mac"] in macs

    until(one_answers_and_the_api_agrees, what="one node answers and status.holder names it")


def test_the_api_server_is_away_and_the_address_answers(
    installed: Site, address: str, lab: Lab
) -> None:
    before = answering_macs(installed, address)
    lab.faults.api_server_stopped()
    try:
        assert answering_macs(installed, address) == before
        answers(installed, address)
    finally:
        lab.faults.api_server_started()
    until(lambda: get(installed, "nodes")["items"], what="the API server answers again")
    until(lambda: answering_macs(installed, address) == before, what="the same node answers")
