"""The API server lets in every manifest that people are shown: examples, and blocks of pages."""

import pytest

from tests.cluster.oracle import Oracle
from tests.lab import Lab
from tests.lab.errors import LabError
from tests.pages import manifests, objects

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def server(control_plane: Lab, api: Oracle) -> Lab:
    """An API server that knows our kinds, and the namespaces that manifests make or need."""
    for text in manifests().values():
        for obj in objects(text):
            if namespace := obj["metadata"].get("namespace"):
                api.create_namespace(namespace)
    return control_plane


def dry_run(server: Lab, text: str) -> str:
    """What kubectl prints. Fields that the server does not know are an error."""
    words = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    return server.kubectl(*words, input=text)


@pytest.mark.parametrize("where", manifests())
def test_a_manifest_can_be_applied_as_it_is(server: Lab, where: str) -> None:
    text = manifests()[where]
    assert dry_run(server, text).count("(server dry run)") == len([*objects(text)])


def test_one_with_a_misspelt_field_or_against_a_rule_cannot(server: Lab) -> None:
    pool = manifests()["examples/01-quickstart/pool.yaml"]
    for wrong in (
        pool.replace("addresses:", "adresses:"),
        pool.replace("172.16.110.119", "172.16.110.99"),
    ):
        assert wrong != pool
        with pytest.raises(LabError):
            dry_run(server, wrong)
