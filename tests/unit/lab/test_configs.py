"""The configurations that the lab generates, as values."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.lab import cgroups, packages
from tests.lab.control_plane import api_server_argv, controller_manager_argv, node_object
from tests.lab.errors import LabError
from tests.lab.faults import is_speaker, loss_ruleset
from tests.lab.images import RECIPES, layer, write_archive
from tests.lab.layout import State
from tests.lab.network import interface_commands, route_commands, sysctls
from tests.lab.node import cni_config, containerd_config, kubelet_config
from tests.lab.pki import kubeconfig, subject_alternative_names
from tests.lab.processes import Supervisor
from tests.lab.site import Site
from tests.lab.spec import LabSpec

SPEC = LabSpec(nodes=2)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    programs = {name: Path("/bin") / name for name in ("kube-apiserver", "kube-controller-manager")}
    supervisor = Supervisor(tmp_path, tmp_path / "processes", tmp_path / "log")
    return Site(SPEC, State(tmp_path), programs, supervisor)


def test_a_node_reaches_the_other_nodes_pods_and_leaves_the_rest_to_the_router() -> None:
    assert route_commands(SPEC.host("n1"), SPEC) == [
        "route add default via 172.16.110.254",
        "route add 10.244.2.0/24 via 172.16.110.12",
        "route add default via fd00:110::254",
        "route add fd00:244:0:2::/64 via fd00:110::12",
    ]


@pytest.mark.parametrize("host", ["client", "router"])
def test_hosts_outside_the_cluster_know_no_way_into_it(host: str) -> None:
    assert route_commands(SPEC.host(host), SPEC) == []


def test_only_hosts_that_route_forward() -> None:
    forwarding = {h.name for h in SPEC.hosts if "net.ipv4.ip_forward" in sysctls(h)}

    assert forwarding == {"cp", "router", "n1", "n2"}


def test_a_second_lan_is_a_second_interface() -> None:
    lines = interface_commands(LabSpec(nodes=1, second_lan=True).host("n1"))

    assert "addr add 172.16.120.11/24 dev eth1" in lines
    assert "link set eth1 address 02:00:ac:10:78:0b" in lines


def test_the_api_server_is_known_by_every_name_that_leads_to_it(site: Site) -> None:
    names = subject_alternative_names(SPEC).split(",")

    assert {"IP:127.0.0.1", "IP:10.96.0.1", "IP:172.16.110.1"} <= set(names)
    assert "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/108" in api_server_argv(site)


def test_nodes_without_kubelets_are_not_watched_for_silence(site: Site) -> None:
    bare = Site(LabSpec(kubelets=False), site.state, site.binaries, site.supervisor)

    watched = "--controllers=*,-node-ipam-controller"
    assert watched in controller_manager_argv(site)
    assert f"{watched},-node-lifecycle-controller" in controller_manager_argv(bare)


def test_a_node_is_registered_with_its_pods_ranges() -> None:
    spec = node_object(SPEC.host("n2"))["spec"]

    assert spec == {"podCIDR": "10.244.2.0/24", "podCIDRs": ["10.244.2.0/24", "fd00:244:0:2::/64"]}


def test_pods_get_an_address_of_each_family_and_no_masquerade() -> None:
    [bridge, _] = json.loads(json.dumps(cni_config(SPEC.host("n1"))))["plugins"]

    assert bridge["ipam"]["ranges"] == [
        [{"subnet": "10.244.1.0/24"}],
        [{"subnet": "fd00:244:0:1::/64"}],
    ]
    assert "ipMasq" not in bridge


def test_kubelet_and_containerd_agree_and_ask_for_credentials(tmp_path: Path) -> None:
    kubelet = kubelet_config(tmp_path, tmp_path / "ca.crt")

    assert f'address = "{kubelet["containerRuntimeEndpoint"].removeprefix("unix://")}"' in (
        containerd_config(tmp_path)
    )
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}


def test_a_kubeconfig_needs_no_other_file() -> None:
    config = json.loads(kubeconfig("https://127.0.0.1:1", b"authority", "admin", "secret"))

    assert config["clusters"][0]["cluster"]["certificate-authority-data"] == "YXV0aG9yaXR5"
    assert config["users"][0]["user"] == {"token": "secret"}


@pytest.mark.parametrize("percent", [1, 40, 100])
def test_a_loss_drops_in_both_directions_and_does_nothing_else(percent: int) -> None:
    rules = loss_ruleset("n1-p0", percent)

    assert 'hook ingress device "n1-p0"' in rules
    assert 'hook egress device "n1-p0"' in rules
    assert rules.count(f"numgen random mod 100 <= {percent - 1} counter drop") == 2


@pytest.mark.parametrize(
    ("argv", "is_one"),
    [
        (["python3", "-m", "speaker"], True),
        (["/opt/lbctl/bin/python3", "-m", "speaker.wire"], True),
        (["python3", "-u", "-m", "speaker"], True),
        (["nsenter", "--net", "python3", "-m", "speaker"], False),
        (["python3", "-m", "speakers"], False),
        (["python3", "speaker"], False),
        (["lbctl", "run"], False),
        ([], False),
    ],
)
def test_a_speaker_is_known_by_its_command_line(*, argv: list[str], is_one: bool) -> None:
    assert is_speaker(argv) is is_one


def test_the_same_files_give_the_same_layer() -> None:
    one = layer({"b": b"2", "a": b"1"}, {"c": "/dev/null"})

    assert one == layer({"a": b"1", "b": b"2"}, {"c": "/dev/null"})
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        assert archive.getnames() == ["a", "b", "c"]


def test_an_archive_holds_what_its_index_names(tmp_path: Path) -> None:
    files = tmp_path / "files.tar"
    files.write_bytes(layer({"pause": b"program"}))
    output = tmp_path / "image.tar"

    write_archive(output, "localhost/x:1", [files], {"Cmd": ["/pause"]}, "amd64")

    with tarfile.open(output) as archive:

        def read(path: str) -> bytes:
            member = archive.extractfile(path)
            assert member is not None
            return member.read()

        [manifest] = json.loads(read("index.json"))["manifests"]
        names = {name for name in archive.getnames() if name.startswith("blobs")}
        assert all(hashlib.sha256(read(n)).hexdigest() == n.rpartition("/")[2] for n in names)
        assert manifest["annotations"]["org.opencontainers.image.ref.name"] == "localhost/x:1"
        described = json.loads(read(f"blobs/sha256/{manifest['digest'].removeprefix('sha256:')}"))
    digest = hashlib.sha256(files.read_bytes()).hexdigest()
    assert [one["digest"] for one in described["layers"]] == [f"sha256:{digest}"]


def test_images_have_different_keys() -> None:
    assert len({recipe.key() for recipe in RECIPES.values()}) == len(RECIPES)


def test_leftover_cgroups_are_those_of_the_nodes_containers_children_first(tmp_path: Path) -> None:
    root, containerd = tmp_path / "cgroup", tmp_path / "containerd"
    for path in ("cpu/k8s.io/mine/child", "memory/k8s.io/mine", "k8s.io/mine", "cpu/k8s.io/other"):
        (root / path).mkdir(parents=True)
    (containerd / cgroups.TASKS / "mine").mkdir(parents=True)

    found = cgroups.leftovers(cgroups.container_ids(containerd), root)

    assert found[0] == root / "cpu/k8s.io/mine/child"
    assert set(found[1:]) == {
        root / p for p in ("cpu/k8s.io/mine", "memory/k8s.io/mine", "k8s.io/mine")
    }


def test_missing_packages_are_named_once_and_sorted() -> None:
    wanted = {"/nowhere/b": "bee", "/nowhere/a": "ay", "/nowhere/c": "bee", "sh": "dash"}

    assert packages.missing(wanted) == ["ay", "bee"]
    assert packages.install_command(["ay", "bee"]).endswith("ay bee")


def test_with_nothing_missing_nothing_is_installed() -> None:
    packages.ensure({"sh": "dash"})


def test_a_user_without_root_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(LabError, match="apt-get install -y --no-install-recommends bee"):
        packages.ensure({"/nowhere/b": "bee"})
