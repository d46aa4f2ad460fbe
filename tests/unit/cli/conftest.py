"""A cluster that is well, over HTTP, and somebody who types commands."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lbctl.cli.main import cli
from tests.unit.cli import clusters
from tests.unit.cli.server import Server, kubeconfig, serving

Typed = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(clusters.healthy()) as found:
        yield found


@pytest.fixture
def config(tmp_path: Path, server: Server) -> Path:
    return kubeconfig(tmp_path, server)


@pytest.fixture
def lbctl(config: Path) -> Typed:
    """Type `lbctl ...`."""

    def typed(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(cli, [*arguments], env={"KUBECONFIG": str(config), **environment})

    return typed
