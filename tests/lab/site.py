"""What every part of a lab is built with."""

from dataclasses import dataclass

from tests.lab.binaries import Binaries
from tests.lab.layout import State
from tests.lab.network import enter
from tests.lab.processes import Supervisor
from tests.lab.spec import LabSpec


@dataclass(frozen=True, slots=True)
class Site:
    """One lab: its plan, its files, its programs and its daemons."""

    spec: LabSpec
    state: State
    binaries: Binaries
    supervisor: Supervisor

    def enter(self, host: str) -> list[str]:
        """The words before a command that run it in a host's network namespace."""
        return enter(self.spec.namespace(host))
