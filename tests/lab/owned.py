"""Labs of test runs: each run has its own, so that two runs on one machine do not meet."""

import os
import re
from pathlib import Path

from tests.lab.cluster import Lab
from tests.lab.layout import labs_root
from tests.lab.spec import LabSpec


def own_name(kind: str) -> str:
    """A name for a lab of this process; labs of that kind whose process died are taken down."""
    for trace in labs_root().glob(f"{kind}-*"):
        dead = re.fullmatch(rf"({kind}-(\d+))(\.lock|\.failed)?", trace.name)
        if dead is None or Path(f"/proc/{dead[2]}").exists():
            continue
        if trace.suffix == ".lock":
            trace.unlink(missing_ok=True)
        elif trace.suffix != ".failed":
            Lab(LabSpec(name=dead[1])).down()
    return f"{kind}-{os.getpid()}"
