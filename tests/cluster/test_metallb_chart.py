"""MetalLB's definitions and Helm, on a real API server: brought where missing, else left alone."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.chart.rendering import CHART, RefusedError, helm
from tests.cluster.metallb import CRDS, GROUP, PLURALS, MetalLB
from tests.cluster.oracle import SYSTEM, Oracle, eventually
from tests.lab import Lab

pytestmark = pytest.mark.lab

POOLS = f"ipaddresspools.{GROUP[0]}"
RELEASE = ("lbctl", "--namespace", SYSTEM)
HELD = "tests.lbctl.io/held"


class Release:
    """The chart without lbctl's own CRDs, which this API server has already."""

    def __init__(self, lab: Lab, chart: Path) -> None:
        self._lab = lab
        self._chart = chart

    def install(self) -> None:
        """Or upgrade."""
        values = ("--set", "compat.metallb=true")
        self._helm("upgrade", "--install", RELEASE[0], self._chart, *RELEASE[1:], *values)

    def uninstall(self) -> None:
        self._helm("uninstall", *RELEASE, "--ignore-not-found")

    def _helm(self, *arguments: str | Path) -> None:
        helm(*arguments, "--kubeconfig", self._lab.kubeconfig)


@pytest.fixture
def release(control_plane: Lab, api: Oracle, tmp_path: Path) -> Iterator[Release]:
    """Nothing of MetalLB's, and no release yet."""
    chart = tmp_path / "lbctl"
    shutil.copytree(CHART, chart)
    shutil.rmtree(chart / "files" / "crds")
    MetalLB(api, control_plane).uninstall()
    one = Release(control_plane, chart)
    yield one
    one.uninstall()
    MetalLB(api, control_plane).uninstall()


def definitions(cluster: Oracle) -> dict[str, dict[str, Any]]:
    """MetalLB's definitions, by the plural of their kind."""
    crds = client.CustomObjectsApi(cluster.connection).list_cluster_custom_object(
        "apiextensions.k8s.io", "v1", "customresourcedefinitions"
    )
    theirs = (crd for crd in crds["items"] if crd["spec"]["group"] == GROUP[0])
    return {crd["spec"]["names"]["plural"]: crd for crd in theirs}


@contextmanager
def going(cluster: Oracle, name: str) -> Iterator[None]:
    """A definition that is being deleted, and goes when the block ends."""
    crds = client.ApiextensionsV1Api(cluster.connection)

    def patch(**change: list[str]) -> None:
        crds.patch_custom_resource_definition(name, {"metadata": change})

    patch(finalizers=[HELD])
    crds.delete_custom_resource_definition(name)
    try:
        yield
    finally:
        patch(**{"$deleteFromPrimitiveList/finalizers": [HELD]})


def test_definitions_come_where_they_are_missing_and_outlive_the_release(
    release: Release, api: Oracle, control_plane: Lab
) -> None:
    release.install()
    made = definitions(api)
    assert sorted(made) == sorted(PLURALS)
    release.install()
    assert sorted(definitions(api)) == sorted(PLURALS), "an upgrade keeps what is its own"

    metallb = MetalLB(api, control_plane)
    metallb.install()
    metallb.pool("lan", "172.16.110.100-172.16.110.119")
    release.uninstall()
    assert {name: crd["metadata"]["uid"] for name, crd in definitions(api).items()} == {
        name: crd["metadata"]["uid"] for name, crd in made.items()
    }
    assert metallb.counts("lan") == {}, "the user's pool is there"


def test_metallb_s_own_definitions_are_left_alone(
    release: Release, api: Oracle, control_plane: Lab
) -> None:
    pools, _ = sorted(CRDS.iterdir())
    control_plane.kubectl("apply", "-f", pools)
    before = definitions(api)
    assert [*before] == ["ipaddresspools"]
    release.install()
    after = definitions(api)
    assert sorted(after) == sorted(PLURALS)
    assert after["ipaddresspools"]["metadata"]["annotations"].keys() == {
        "kubectl.kubernetes.io/last-applied-configuration"
    }
    release.uninstall()
    assert sorted(definitions(api)) == sorted(PLURALS)


def test_definitions_that_are_ours_follow_the_chart(release: Release, api: Oracle) -> None:
    def columns() -> list[Any]:
        (version,) = definitions(api)["ipaddresspools"]["spec"]["versions"]
        found: list[Any] = version.get("additionalPrinterColumns", [])
        return found

    release.install()
    ours, crd = columns(), definitions(api)["ipaddresspools"]
    assert ours
    del crd["spec"]["versions"][0]["additionalPrinterColumns"]
    client.ApiextensionsV1Api(api.connection).replace_custom_resource_definition(POOLS, crd)
    assert not columns(), "as a chart of before may have left them"

    release.install()

    assert columns() == ours


def test_definitions_that_go_are_waited_for(
    release: Release, api: Oracle, control_plane: Lab
) -> None:
    MetalLB(api, control_plane).install()
    with (
        going(api, POOLS),
        pytest.raises(RefusedError, match=f"kubectl wait --for=delete crd/{POOLS}"),
    ):
        release.install()
    eventually(lambda: "ipaddresspools" not in definitions(api), what="it is gone")

    release.install()

    assert sorted(definitions(api)) == sorted(PLURALS)
