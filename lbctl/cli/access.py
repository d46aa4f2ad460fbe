"""How to get into a cluster, as a person said on the command line. Loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Access:
    """What the options say."""

    kubeconfig: Path | None = None
    context: str = ""
    namespace: str = ""
    """Where Services are looked for; "" = the context's namespace."""
    seconds: float = 10.0
    """How long one request may take."""
