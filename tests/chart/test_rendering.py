"""What the chart renders: golden files, and the promises that must hold whatever they say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbctl.cli.main import run
from tests.chart import values_page
from tests.chart.golden import EVERYTHING, GOLDEN, Golden
from tests.chart.rendering import CHART, Manifests, RefusedError, helm, template

PARTS = ("operator", "speaker")


@pytest.fixture(scope="module")
def manifests() -> Manifests:
    return Manifests.of()


def test_helm_lint_finds_nothing_to_warn_of() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_renders_what_was_reviewed(golden: Golden) -> None:
    assert golden.render() == golden.path.read_text(), (
        "the chart renders something else than what is kept; if so meant: python -m tests.chart"
    )


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_the_operator_knows_every_argument(values: dict[str, Any]) -> None:
    """An option that the command lost would be a pod that never starts."""
    container = Manifests.of(values).container("operator")
    program, command = container["command"]
    assert (program, command) == ("lbctl", run.name)
    run.make_context("run", [*container["args"]])


KUBE_VERSIONS = [
    ("1.31.9", False, "before 1.32 selectable fields and ipMode are not stable"),
    ("1.32.0", True, "the first version that has all that lbctl uses"),
    ("1.37.2", True, "the version of the lab"),
    ("v1.37.2+k3s1", True, "a distribution's suffix is no pre-release"),
    ("1.34.1-gke.1829001", True, "and neither is this one"),
]


@pytest.mark.parametrize(
    ("version", "accepted"),
    [row[:2] for row in KUBE_VERSIONS],
    ids=[row[2] for row in KUBE_VERSIONS],
)
def test_kubernetes_versions(version: str, *, accepted: bool) -> None:
    if accepted:
        assert template(kube_version=version)
    else:
        with pytest.raises(RefusedError, match=r"requires kubeVersion: >=1\.32\.0"):
            template(kube_version=version)


SECURITY: list[tuple[str, str, str, Any]] = [
    ("the operator is nobody", "operator", "pod.securityContext.runAsNonRoot", True),
    ("the speaker is 0, for its capability", "speaker", "pod.securityContext.runAsUser", 0),
    ("NET_RAW is the only one", "speaker", "securityContext.capabilities.add", ["NET_RAW"]),
    ("the operator has none", "operator", "securityContext.capabilities.add", None),
    ("the speaker uses the node's network", "speaker", "pod.hostNetwork", True),
    ("the operator does not", "operator", "pod.hostNetwork", None),
    (
        "the speaker still finds cluster names",
        "speaker",
        "pod.dnsPolicy",
        "ClusterFirstWithHostNet",
    ),
    ("a throttled speaker looks dead", "speaker", "resources.limits.cpu", None),
    ("a throttled operator plans late", "operator", "resources.limits.cpu", None),
    ("with less it wakes late", "speaker", "resources.requests.cpu", "200m"),
    ("nodes keep their speaker", "speaker", "pod.priorityClassName", "system-node-critical"),
    *(
        row
        for part in PARTS
        for row in (
            ("read-only root", part, "securityContext.readOnlyRootFilesystem", True),
            ("no way up", part, "securityContext.allowPrivilegeEscalation", False),
            ("all dropped", part, "securityContext.capabilities.drop", ["ALL"]),
            ("filtered calls", part, "pod.securityContext.seccompProfile.type", "RuntimeDefault"),
            ("no host processes", part, "pod.hostPID", None),
            ("nothing mounted", part, "pod.volumes", None),
        )
    ),
]


@pytest.mark.parametrize(
    ("part", "path", "expected"),
    [r[1:] for r in SECURITY],
    ids=[f"{r[1]}: {r[0]}" for r in SECURITY],
)
def test_pods_get_no_more_than_they_need(
    manifests: Manifests, part: str, path: str, expected: object
) -> None:
    at: Any = manifests.container(part)
    if path.startswith("pod."):
        at, path = manifests.pod(part), path.removeprefix("pod.")
    for key in path.split("."):
        at = (at or {}).get(key)
    assert at == expected


def test_the_table_takes_one_capability_more() -> None:
    made = Manifests.of({"handOff": {"nodePort": {"enabled": True}}})
    capabilities = made.container("speaker")["securityContext"]["capabilities"]
    assert capabilities == {"drop": ["ALL"], "add": ["NET_RAW", "NET_ADMIN"]}


def test_a_speaker_runs_on_control_plane_nodes_and_on_all_others_when_asked(
    manifests: Manifests,
) -> None:
    (control_plane,) = manifests.pod("speaker")["tolerations"]
    assert control_plane["key"] == "node-role.kubernetes.io/control-plane"
    everywhere = Manifests.of({"speaker": {"tolerateEverything": True}})
    assert everywhere.pod("speaker")["tolerations"] == [{"operator": "Exists"}]


@pytest.mark.parametrize(
    ("address", "listen", "probed"),
    [
        pytest.param("127.0.0.1", "127.0.0.1:7950", "127.0.0.1", id="for the node alone"),
        pytest.param("0.0.0.0", "0.0.0.0:7950", None, id="on every address of the node"),
        pytest.param("node", "$(LBCTL_NODE_ADDRESS):7950", None, id="on the node's InternalIP"),
    ],
)
def test_a_speaker_is_probed_where_it_listens(
    address: str, listen: str, probed: str | None
) -> None:
    speaker = Manifests.of({"speaker": {"http": {"address": address}}}).container("speaker")
    (said,) = (v["value"] for v in speaker["env"] if v["name"] == "LBCTL_LISTEN")
    assert said == listen
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert speaker[probe]["httpGet"].get("host") == probed


@pytest.mark.parametrize("part", PARTS)
def test_a_users_label_never_replaces_one_that_selects_the_pod(part: str) -> None:
    mine = {"app.kubernetes.io/component": "mine", "team": "network"}
    found = Manifests.of({part: {"podLabels": mine}})
    owner = found.one({"operator": "Deployment", "speaker": "DaemonSet"}[part], part)["spec"]
    labels = owner["template"]["metadata"]["labels"]
    assert labels["team"] == "network"
    assert owner["selector"]["matchLabels"].items() <= labels.items()
    assert labels["app.kubernetes.io/component"] == part


# ---------------------------------------------------------------- values


def leaves(values: dict[str, Any], names: list[tuple[str, ...]]) -> Iterator[tuple[str, Any]]:
    for path in names:
        at: Any = values
        for key in path:
            at = at[key]
        yield ".".join(path), at


def nested(name: str, value: object) -> dict[str, Any]:
    for key in reversed(name.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


KEYS = values_page.read()
LEAVES = [key.path for key in KEYS if key.default is not None]


CHANGES = list(leaves(EVERYTHING, [path for path in LEAVES if path[0] != "crds"]))


REACHABLE = {"http": {"address": "node"}}
GROUNDS: dict[str, dict[str, Any]] = {
    "metrics.podMonitor.enabled": {"speaker": REACHABLE},
    "metrics.podMonitor": {"metrics": {"podMonitor": {"enabled": True}}, "speaker": REACHABLE},
    "metrics.prometheusRule.enabled": {},
    "metrics.prometheusRule": {"metrics": {"prometheusRule": {"enabled": True}}},
}
"""What must be set for values that begin so to mean anything; the first that fits."""


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key: merged(below[key], above[key]) for key in below.keys() & above.keys()}
    return below | above | both


@pytest.mark.parametrize(("name", "value"), CHANGES, ids=[name for name, _ in CHANGES])
def test_every_value_changes_what_is_rendered(name: str, value: object) -> None:
    ground = next((values for begin, values in GROUNDS.items() if name.startswith(begin)), {})
    assert template(merged(ground, nested(name, value))) != template(ground)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_value_has_a_comment_that_is_a_sentence(key: values_page.Value) -> None:
    assert key.comment[:1].isupper()
    assert key.comment.endswith(".")


def test_the_page_of_values_says_what_values_yaml_says() -> None:
    assert values_page.PAGE.read_text() == values_page.page(KEYS), "run: python -m tests.chart"


# ---------------------------------------------------------------- CRDs

PLACEHOLDER = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.lbctl.io
  annotations: {made-by: generator}
spec:
  maximum: 2147483648
"""


@pytest.fixture
def chart_with_crd(tmp_path: Path) -> Path:
    """The chart with one CRD of which the test knows every word."""
    chart = tmp_path / "lbctl"
    for source in CHART.rglob("*"):
        inside = source.relative_to(CHART)
        if source.is_file() and "files" not in inside.parts:
            (chart / inside).parent.mkdir(parents=True, exist_ok=True)
            (chart / inside).write_bytes(source.read_bytes())
    crds = chart / "files" / "crds"
    crds.mkdir(parents=True)
    (crds / "things.yaml").write_text(PLACEHOLDER)
    return chart


def test_crds_are_part_of_the_release_and_survive_it(chart_with_crd: Path) -> None:
    (crd,) = Manifests.of(chart=chart_with_crd).kinds("CustomResourceDefinition")
    assert crd["metadata"]["annotations"] == {
        "helm.sh/resource-policy": "keep",
        "made-by": "generator",
    }
    assert crd["spec"] == {"maximum": 2147483648}, "numbers come through as they were written"


def test_crds_are_left_to_somebody_else_on_request(chart_with_crd: Path) -> None:
    found = Manifests.of({"crds": {"install": False}}, chart=chart_with_crd)
    assert not list(found.kinds("CustomResourceDefinition"))


METALLB_POOL = "metallb.io/v1beta1/IPAddressPool"
METALLB_CRDS = [
    ("nobody asks for them", {}, (), ()),
    ("missing", {"compat": {"metallb": True}}, (), ("ipaddresspools", "l2advertisements")),
    ("one is there", {"compat": {"metallb": True}}, (METALLB_POOL,), ("l2advertisements",)),
    ("somebody else's", {"compat": {"metallb": True}, "crds": {"install": False}}, (), ()),
]


@pytest.mark.parametrize(
    ("values", "served", "expected"),
    [row[1:] for row in METALLB_CRDS],
    ids=[row[0] for row in METALLB_CRDS],
)
def test_metallb_s_kinds_are_defined_only_where_they_are_missing(
    values: dict[str, Any], served: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    found = Manifests.of(values, served=served).kinds("CustomResourceDefinition")
    theirs = [crd for crd in found if crd["spec"]["group"] == "metallb.io"]
    assert tuple(crd["spec"]["names"]["plural"] for crd in theirs) == expected
    for crd in theirs:
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
