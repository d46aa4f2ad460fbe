"""What every kind of test shares: who may run, and one real API server for the session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.lab import Lab, LabSpec, own_name

# A busy machine may take its time; tests/property has profiles of its own.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse early what could only fail late: namespaces need root."""
    if os.geteuid() == 0:
        return
    needs_root = [item for item in items if {"root", "lab"} & {m.name for m in item.iter_markers()}]
    if needs_root:
        message = (
            f"{len(needs_root)} of these tests make network namespaces and need root: "
            "run them with sudo, or only `make test-unit`"
        )
        raise pytest.UsageError(message)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Lab]:
    """A real API server without nodes."""
    # Nobody renews the Nodes that tests make: a controller that knows them would say so in the end.
    with Lab(LabSpec(name=own_name("cp"), nodes=0, kubelets=False)) as lab:
        yield lab


@pytest.fixture(scope="session")
def kube(control_plane: Lab) -> Path:
    """An administrator's kubeconfig for that API server."""
    return control_plane.kubeconfig
