"""One cluster with lbctl installed, for all end-to-end tests: the lab's, or any by --kubeconfig."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import Lab, LabSpec, own_name
from tests.lab.errors import LabError
from tests.tour import steps
from tests.tour.site import IMAGE, NAMESPACE, ROOT, KubeconfigSite, LabSite, Site


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lbctl end to end")
    group.addoption("--kubeconfig", type=Path, help="test this cluster instead of the lab's own")
    group.addoption(
        "--client-command",
        help="with --kubeconfig: runs its arguments on a machine of the LAN outside the cluster, "
        "like 'ssh user@host' or 'docker exec client'",
    )
    group.addoption(
        "--proxy",
        choices=["nftables", "iptables"],
        default="nftables",
        help="the mode of kube-proxy in the lab's own cluster",
    )
    group.addoption("--helm-values", type=Path, help="with --kubeconfig: values for the install")


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A cluster; the lab's has lbctl's image on every node."""
    kubeconfig: Path | None = request.config.getoption("--kubeconfig")
    if kubeconfig is not None:
        client: str | None = request.config.getoption("--client-command")
        if not client:
            raise pytest.UsageError("--kubeconfig needs --client-command: who asks from the LAN?")
        yield KubeconfigSite(kubeconfig, client)
        return
    subprocess.run(
        [sys.executable, "-m", "tests.lab.lbctl_image", "--output", str(IMAGE)],
        check=True,
        cwd=ROOT,
    )
    proxy = request.config.getoption("--proxy")
    with Lab(LabSpec(name=own_name("e2e"), nodes=3, proxy=proxy)) as lab:
        lab.load_image(IMAGE)
        yield LabSite(lab)


@pytest.fixture(scope="session")
def values(request: pytest.FixtureRequest) -> list[str]:
    """What `helm install` is given besides the defaults."""
    path: Path | None = request.config.getoption("--helm-values")
    return ["--values", str(path)] if path else []


@pytest.fixture(scope="session")
def installed(site: Site, values: list[str]) -> Site:
    """The cluster with lbctl, a pool and the quickstart's web application."""
    steps.install(site, *values)
    steps.apply_pool(site)
    steps.apply_web(site)
    return site


@pytest.fixture(scope="session")
def address(installed: Site) -> str:
    """The EXTERNAL-IP of the quickstart's Service."""
    _, address = steps.external_ip(installed)
    return address


@pytest.fixture
def lab(site: Site) -> Lab:
    """The lab, for tests that pull plugs."""
    if site.lab is None:
        pytest.skip("a cluster behind --kubeconfig has no power switch for us")
    return site.lab


@pytest.fixture(autouse=True)
def logs_of_a_failure(request: pytest.FixtureRequest, site: Site) -> Iterator[None]:
    """After a failed test, print what lbctl's pods said and what the objects say."""
    with logs_after(request, site):
        yield


@contextmanager
def logs_after(request: pytest.FixtureRequest, site: Site) -> Iterator[None]:
    """The same for a cluster that is not the session's."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed == failed:
        return
    for args in (
        ("get", "nodes,svc,vips,speakers,ipaddresspools", "-o", "wide"),
        ("get", "pods,leases", "-n", NAMESPACE, "-o", "wide"),
        ("logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=lbctl", "--tail=60", "--prefix"),
    ):
        try:
            print(site.kubectl(*args))
        except (LabError, subprocess.CalledProcessError) as error:
            print(args, error)
