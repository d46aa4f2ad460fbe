"""Mistakes in manifests: what the API server would refuse, in its words, and what it would not."""

from pathlib import Path
from typing import Any

import pytest

from lbctl.api.crd import KINDS, structural_schema
from lbctl.cli import manifests
from lbctl.cli.judging import TWINS
from lbctl.cli.manifests import Manifest
from lbctl.cli.view.findings import Severity
from lbctl.cli.view.mistakes import Mistake, find
from tests.cluster import test_crds
from tests.unit.core.entries import ACCEPTED, REFUSED, Accepted, Refused

EXAMPLES = Path(__file__).parents[3] / "examples"


def rows(test: Any) -> list[Any]:
    """The rows of a test of the real API server: it and this hold to one table."""
    return [row for mark in test.pytestmark if mark.name == "parametrize" for row in mark.args[1]]


def serious(*contents: dict[str, Any]) -> list[Mistake]:
    found = find([Manifest("x.yaml", content) for content in contents])
    return [one for one in found if one.severity is Severity.BROKEN]


@pytest.mark.parametrize(("rule", "given", "says"), rows(test_crds.test_refused))
def test_what_the_api_server_refuses(rule: str, given: dict[str, Any], says: str) -> None:
    said = "\n".join(map(str, serious(given)))
    assert says in said, rule


@pytest.mark.parametrize(("rule", "given"), rows(test_crds.test_let_in))
def test_what_the_api_server_lets_in(rule: str, given: dict[str, Any]) -> None:
    assert serious(given) == [], rule


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.rule)
def test_an_entry_that_is_refused(row: Refused) -> None:
    for spec in ({"addresses": ["192.0.2.0/24", row.entry]},
                 {"addresses": ["192.0.2.0/24"], "exclude": ["192.0.2.1", row.entry]}):  # fmt: skip
        (one,) = serious(test_crds.body("IPAddressPool", "p", spec))
        assert one.path.endswith("[1]")
        assert row.says in one.message


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row.rule)
def test_an_entry_that_is_let_in(row: Accepted) -> None:
    assert not serious(test_crds.pool("192.0.2.0/24", row.entry))


def _rules(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {rule for one in schema for rule in _rules(one)}
    if not isinstance(schema, dict):
        return set()
    own = {one["rule"] for one in schema.get("x-kubernetes-validations", ())}
    return own | {rule for part in schema.values() for rule in _rules(part)}


def test_every_rule_has_a_twin_and_every_twin_a_rule() -> None:
    made = {rule for kind in KINDS for rule in _rules(structural_schema(kind))}
    assert made == TWINS.keys()


def read(folder: Path, text: str) -> list[str]:
    file = folder / "m.yaml"
    file.write_text(text, encoding="utf-8")
    found, flaws = manifests.read([str(file)])
    return [str(one).removeprefix(f"{folder}/") for one in find(found, flaws)]


POOL = """\
apiVersion: lbctl.io/v1beta1
kind: IPAddressPool
metadata:
  name: lan
spec:
  addresses:
    - 172.16.110.100-172.16.110.109
"""


@pytest.mark.parametrize(
    ("rule", "text", "says"),
    [
        ("a good one", POOL, []),
        (
            "an entry, by its line",
            POOL + "    - 172.16.110.9-172.16.110.2\n",
            [('m.yaml:8: IPAddressPool/lan: spec.addresses[1]: Invalid value: '
             '"172.16.110.9-172.16.110.2" has its start after its end')],
        ),
        (
            "a field that nobody knows",
            POOL + "  autoasign: false\n",
            [('m.yaml:8: IPAddressPool/lan: spec.autoasign: unknown field "spec.autoasign": '
             "did you mean autoAssign?")],
        ),
        (
            "a value of another type",
            POOL + "  autoAssign: 'no'\n",
            [('m.yaml:8: IPAddressPool/lan: spec.autoAssign: Invalid value: "no": '
             "spec.autoAssign in body must be of type boolean")],
        ),
        (
            "a field that is written twice",
            POOL + "  disabled: true\n  disabled: false\n",
            ["m.yaml:9: disabled is written twice"],
        ),
        (
            "a kind that is misspelt",
            POOL.replace("IPAddressPool", "IPAdressPool"),
            [("m.yaml:2: IPAdressPool/lan: kind: lbctl.io has no kind IPAdressPool: "
             "did you mean IPAddressPool?")],
        ),
        (
            "a version that is not served",
            POOL.replace("v1beta1", "v1"),
            ["m.yaml:1: IPAddressPool/lan: apiVersion: lbctl.io/v1 is not served"],
        ),
        (
            "a namespace that no pool has",
            POOL.replace("  name: lan", "  name: lan\n  namespace: x"),
            ["m.yaml:5: IPAddressPool/lan: metadata.namespace: this kind is in no namespace"],
        ),
        (
            "no name",
            POOL.replace("  name: lan", "  labels: {}"),
            ["m.yaml:3: IPAddressPool: metadata.name: Required value"],
        ),
        (
            "two pools that overlap",
            POOL + "---\n" + POOL.replace("lan", "more"),
            [('m.yaml:14: IPAddressPool/more: spec.addresses: spec.addresses[0] '
             '"172.16.110.100-172.16.110.109" overlaps spec.addresses[0] '
             '"172.16.110.100-172.16.110.109" of pool "lan"')],
        ),
        (
            "one object twice",
            POOL + "---\n" + POOL.replace("100-172.16.110.109", "120"),
            ["m.yaml:12: IPAddressPool/lan: metadata.name: is written in"],
        ),
        (
            "an annotation that is misspelt",
            ("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"
            "    lbctl.io/address: 10.0.0.1\nspec: {type: LoadBalancer}\n"),
            [("m.yaml:6: Service/web: metadata.annotations.lbctl.io/address: "
             "is an annotation that nobody reads: did you mean lbctl.io/addresses?")],
        ),
        (
            "an address that is none",
            ("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"
            "    lbctl.io/addresses: 10.0.0\nspec: {type: LoadBalancer}\n"),
            [("m.yaml:6: Service/web: metadata.annotations.lbctl.io/addresses: "
             'lbctl.io/addresses has "10.0.0", which is no address')],
        ),
        (
            "a wish of a Service that is no load balancer",
            ("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"
            "    lbctl.io/addresses: 10.0.0.1\nspec: {}\n"),
            ["m.yaml:6: Service/web: metadata.annotations.lbctl.io/addresses: has no effect"],
        ),
        (
            "a pool that is misspelt",
            POOL + "---\napiVersion: lbctl.io/v1beta1\nkind: L2Advertisement\n"
            "metadata: {name: a}\nspec:\n  ipAddressPools:\n  - lam\n",
            [("m.yaml:14: L2Advertisement/a: spec.ipAddressPools[0]: there is no pool lam in these "
             "files: did you mean lan?")],
        ),
        (
            "an annotation that is a number",
            ("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"
            "    lbctl.io/addresses: 5\nspec: {type: LoadBalancer}\n"),
            [("m.yaml:6: Service/web: metadata.annotations.lbctl.io/addresses: Invalid value: 5: "
             "metadata.annotations.lbctl.io/addresses in body must be of type string: "
             "write it in quotes")],
        ),
        (
            "a name that is a number",
            POOL.replace("name: lan", "name: 5"),
            ["m.yaml:4: IPAddressPool/5: metadata.name: Invalid value: 5: metadata.name in body"],
        ),
        (
            "metadata and spec that are none",
            "apiVersion: v1\nkind: Service\nmetadata: web\nspec: [a]\n",
            [('m.yaml:3: Service: metadata: Invalid value: "web": metadata in body must be'),
             'm.yaml:4: Service: spec: Invalid value: "array": spec in body must be of type'],
        ),
        (
            "annotations that are a list",
            "apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: [a]}\n",
            ['m.yaml:3: Service/web: metadata.annotations: Invalid value: "array"'],
        ),
        (
            "a label without a value, which is an empty one",
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels:\n    a:\n",
            [],
        ),
        (
            "what a Service's families and policies can be",
            ("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n"
            "  type: Loadbalancer\n  ipFamilies: IPv4\n  ipFamilyPolicy: DualStack\n"),
            ['m.yaml:5: Service/web: spec.type: Unsupported value: "Loadbalancer"',
             'm.yaml:6: Service/web: spec.ipFamilies: Invalid value: "IPv4"',
             'm.yaml:7: Service/web: spec.ipFamilyPolicy: Unsupported value: "DualStack"'],
        ),
        (
            "an object of ours without an object in its spec",
            "apiVersion: lbctl.io/v1beta1\nkind: VirtualIP\nmetadata: {name: a}\nspec: b\n",
            ['m.yaml:4: VirtualIP/a: spec: Invalid value: "b"'],
        ),
        (
            "names of pools that are no list",
            POOL + "---\napiVersion: lbctl.io/v1beta1\nkind: L2Advertisement\n"
            "metadata: {name: a}\nspec: {ipAddressPools: lan}\n",
            ['m.yaml:12: L2Advertisement/a: spec.ipAddressPools: Invalid value: "lan"'],
        ),
        (
            "MetalLB's object without an object in its spec",
            "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: 7\nspec: 5\n",
            ["m.yaml:1: IPAddressPool: apiVersion: is MetalLB's",
             "m.yaml:3: IPAddressPool: metadata: Invalid value: 7",
             "m.yaml:4: IPAddressPool: spec: is no object"],
        ),
        ("no YAML", "a: [\n", ["m.yaml:2: is no YAML"]),
        ("a key that is a list", "? [a, b]\n: c\n", ["m.yaml:1: is no YAML: a key is no text"]),
        ("a number that is none", "a: !!int b\n", ["m.yaml:1: is no YAML: invalid literal"]),
        ("what no text has in it", "a: \0b\n", ["m.yaml:1: is no YAML: unacceptable character"]),
        ("an anchor in itself", "a: &x [*x]\n", ["m.yaml:1: contains itself by an anchor"]),
        (
            "a template of Helm",
            "a: b\nc: {{ .Values.x }}\n",
            ["m.yaml:2: is no YAML: a key is no text. Of a Helm chart check what helm template"],
        ),
        ("no object", "- a\n", ["m.yaml:1: is no object"]),
        ("neither", "a: b\n", ["m.yaml:1: needs apiVersion and kind"]),
        ("what is no business of lbctl's", "apiVersion: v1\nkind: Secret\nspec: {x: 1}\n", []),
        (
            "MetalLB's objects, and what of them cannot be read",
            ("apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\n"
            "spec:\n  addresses: [10.0.0.1]\n  autoAssign: maybe\n  new: 1\n"),
            [
                "m.yaml:1: IPAddressPool/a: apiVersion: is MetalLB's",
                "m.yaml:6: IPAddressPool/a: spec.autoAssign: is 'maybe': write true or false",
                "m.yaml:7: IPAddressPool/a: spec.new: is a field that lbctl does not know",
            ],
        ),
        (
            "the items of a List",
            ("apiVersion: v1\nkind: List\nitems:\n- apiVersion: lbctl.io/v1beta1\n"
            "  kind: IPAddressPool\n  metadata: {name: a}\n  spec: {addresses: []}\n"),
            ["m.yaml:7: IPAddressPool/a: spec.addresses: Invalid value: 0"],
        ),
    ],
)  # fmt: skip
def test_a_mistake_has_a_line(tmp_path: Path, rule: str, text: str, says: list[str]) -> None:
    found = read(tmp_path, text)
    assert len(found) == len(says), f"{rule}: {found}"
    for one, start in zip(found, says, strict=True):
        assert one.startswith(start), rule


def test_the_examples_are_without_a_mistake() -> None:
    found, flaws = manifests.read([str(EXAMPLES)])
    assert found
    # Each example has its own pools, and they may overlap another one's.
    by_folder: dict[str, list[Manifest]] = {}
    for one in found:
        by_folder.setdefault(str(Path(one.file).parent), []).append(one)
    assert not flaws
    assert [one for group in by_folder.values() for one in find(group)] == []


def test_a_file_that_is_not_there() -> None:
    _, flaws = manifests.read(["/none.yaml"])
    assert [str(one) for one in flaws] == ["/none.yaml:1: No such file or directory"]


def test_times_stay_text_and_anchors_are_followed(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("a: &x {t: 2026-01-01T00:00:00Z}\nb: {<<: *x, u: 1}\n", encoding="utf-8")
    (found,), flaws = manifests.read([str(file)])
    assert not flaws
    assert found.content["b"] == {"t": "2026-01-01T00:00:00Z", "u": 1}
