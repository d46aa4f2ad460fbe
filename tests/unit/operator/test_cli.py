"""The command line: every option by its name or by its environment variable."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from lbctl.api.crd import KINDS
from lbctl.cli.main import cli

CRDS = Path(__file__).parents[3] / "charts" / "lbctl" / "files" / "crds"


def test_the_crds_are_printed_as_one_stream() -> None:
    printed = CliRunner().invoke(cli, ["crds"])
    assert printed.exit_code == 0
    assert printed.output.count("kind: CustomResourceDefinition") == len(KINDS)
    assert printed.output.count("\n---\n") == len(KINDS) - 1


def test_the_crds_are_written_and_compared(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(cli, ["crds", "--output", str(tmp_path)]).exit_code == 0
    assert runner.invoke(cli, ["crds", "--check", str(tmp_path)]).exit_code == 0
    (tmp_path / "lbctl.io_virtualips.yaml").write_text("old", encoding="utf-8")
    stale = runner.invoke(cli, ["crds", "--check", str(tmp_path)])
    assert stale.exit_code == 1
    assert "lbctl.io_virtualips.yaml" in stale.output
    assert "lbctl crds --output" in stale.output


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        pytest.param(["--listen", "8080"], {}, "HOST:PORT", id="an address without a host"),
        pytest.param([], {"LBCTL_LISTEN": "8080"}, "HOST:PORT", id="the same by its variable"),
        pytest.param(["--kubeconfig", "/none"], {}, "No such file", id="a file that is not there"),
        pytest.param(["--lease-duration-seconds", "1"], {}, "x>=3", id="a lease too short"),
        pytest.param([], {"LBCTL_LOG_FORMAT": "xml"}, "text", id="a format that nobody writes"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    arguments: list[str], environment: dict[str, str], said: str
) -> None:
    refused = CliRunner().invoke(cli, ["run", *arguments], env=environment)
    assert refused.exit_code != 0
    assert said in refused.output
