"""A real Kubernetes in network namespaces of one Linux machine: see docs/lab.md."""

from tests.lab.cluster import Lab
from tests.lab.errors import LabError
from tests.lab.forwarder import Forwarder
from tests.lab.owned import own_name
from tests.lab.spec import LabSpec

__all__ = ["Forwarder", "Lab", "LabError", "LabSpec", "own_name"]
