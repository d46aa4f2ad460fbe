"""What the command learns of the installation from the operator's Deployment."""

import pytest
import yaml

from lbctl import __version__
from lbctl.cli.snapshot import Installation
from tests.pages import ROOT

CHART = yaml.safe_load((ROOT / "charts" / "lbctl" / "Chart.yaml").read_text(encoding="utf-8"))


def version_of(label: str) -> str:
    labels = {"app.kubernetes.io/version": label}
    return Installation.read({"metadata": {"name": "lbctl-operator", "labels": labels}}).version


def test_a_fresh_installation_of_this_tree_has_the_version_of_this_command() -> None:
    assert version_of(CHART["appVersion"]) == __version__


@pytest.mark.parametrize(
    ("label", "version"),
    [
        ("0.1.0", "0.1.0"),
        ("0.1.0-dev", "0.1.0.dev0"),
        ("0.2.0-dev.3", "0.2.0.dev3"),
        ("1.0.0-alpha.1", "1.0.0a1"),
        ("1.0.0-beta", "1.0.0b0"),
        ("1.0.0-rc.2", "1.0.0rc2"),
        ("1.0.0-ours", "1.0.0-ours"),
        ("", ""),
    ],
)
def test_a_version_is_read_as_the_code_writes_it(label: str, version: str) -> None:
    assert version_of(label) == version
