"""helm upgrade and helm uninstall: what changes, what stays."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e import versions
from tests.lab.errors import LabError
from tests.tour import steps
from tests.tour.looking import answering_macs, ask, get, until
from tests.tour.site import CHART, NAMESPACE, Site

pytestmark = [pytest.mark.lab, pytest.mark.root]


def test_a_misspelt_value_is_refused_and_nothing_changes(installed: Site, address: str) -> None:
    with pytest.raises((LabError, subprocess.CalledProcessError), match="hostnetwork"):
        installed.helm(
            "upgrade", "lbctl", str(CHART), "-n", NAMESPACE, "--set", "speaker.hostnetwork=false"
        )
    until(lambda: ask(installed, f"http://{address}:8080/"), what="the address answers")


@pytest.mark.parametrize("own_crds", ["true", "false"])
def test_a_second_lbctl_is_refused_and_told_where_the_first_is(
    installed: Site, own_crds: str
) -> None:
    # Their operators would overrule each other's plans several times a second.
    # fmt: off
    with pytest.raises((LabError, subprocess.CalledProcessError)) as refused:
        installed.helm("install", "second", str(CHART), "-n", NAMESPACE,
                       "--set", f"crds.install={own_crds}")
    # fmt: on
    speakers = get(installed, "daemonsets", "-A", "-l", "app.kubernetes.io/name=lbctl")["items"]
    assert [found["metadata"]["name"] for found in speakers] == ["lbctl-speaker"]
    # Only the lab's errors carry what helm printed.
    where = f'release "lbctl" in the namespace "{NAMESPACE}"'
    assert installed.lab is None or where in str(refused.value)


def test_an_upgrade_brings_the_chart_s_crds_and_keeps_the_addresses(
    installed: Site, address: str, values: list[str], tmp_path: Path
) -> None:
    changed = tmp_path / "lbctl"
    shutil.copytree(CHART, changed)
    (crd,) = (changed / "files" / "crds").glob("*ipaddresspools.yaml")
    crd.write_text(crd.read_text().replace("name: Age", "name: Age-in-the-next-version"))
    # fmt: off
    installed.helm("upgrade", "lbctl", str(changed), "-n", NAMESPACE, "--wait", "--timeout", "5m",
                   "--set", "logging.format=json", *values)
    # fmt: on
    columns = installed.kubectl("get", "ipaddresspools").splitlines()[0].lower()
    assert "age-in-the-next-version" in columns
    assert steps.service_address(installed, "web") == address
    until(lambda: ask(installed, f"http://{address}:8080/"), what="the address answers")
    until(lambda: len(answering_macs(installed, address)) == 1, what="one node answers")

    for pod in versions.pods(installed):
        log = installed.kubectl("logs", "-n", NAMESPACE, pod["metadata"]["name"])
        assert all(json.loads(line) for line in log.splitlines())


def test_an_uninstall_keeps_the_crds_and_an_install_takes_the_same_addresses_up_again(
    installed: Site, address: str, values: list[str]
) -> None:
    installed.helm("uninstall", "lbctl", "-n", NAMESPACE, "--wait", "--timeout", "3m")
    until(lambda: not answering_macs(installed, address), what="nobody answers after uninstall")
    assert steps.service_address(installed, "web") == address, "the Service is left as it was"
    assert get(installed, "ipaddresspools")["items"]
    assert get(installed, "virtualips")["items"]

    steps.install(installed, *values)
    until(lambda: ask(installed, f"http://{address}:8080/"), what="the address answers again")
    assert steps.service_address(installed, "web") == address
