"""The sources of the version before: kept in an archive, so that no test needs git's history.

A shallow checkout has no history, a source package has no git, and a tag may not be fetched. The
archive is what `git archive` makes of what an image and a chart are built from, and it remembers
the commit.
"""

import io
import lzma
import subprocess
import tarfile
from pathlib import Path

from tests.lab.layout import REPOSITORY

ARCHIVE = Path(__file__).with_name("lbctl.tar.xz")
KEPT = ("Dockerfile", ".dockerignore", "requirements.txt", "lbctl", "speaker", "charts")
"""What an image and a chart are built from."""
_COMMIT = "comment"
"""The header in which `git archive` writes the commit."""


def unpack(folder: Path) -> Path:
    """Write the sources into a folder and return it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def files(tar: bytes | None = None) -> dict[str, bytes]:
    """Each file by its path: of the archive, or of what `packed` returned."""
    kept = ARCHIVE.read_bytes() if tar is None else tar
    with tarfile.open(fileobj=io.BytesIO(kept)) as archive:
        return {
            member.name: content.read()
            for member in archive
            if (content := archive.extractfile(member)) is not None
        }


def commit() -> str:
    """The commit that the sources are of."""
    with tarfile.open(ARCHIVE) as archive:
        return archive.pax_headers[_COMMIT]


def packed(revision: str) -> bytes:
    """The sources of a revision, as git packs them.

    Raises:
        subprocess.CalledProcessError: git does not know the revision.
    """
    command = ["git", "archive", "--format=tar", f"{revision}^{{commit}}", *KEPT]
    return subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True).stdout


def freeze(revision: str) -> None:
    """Keep another revision's sources from now on.

    Raises:
        subprocess.CalledProcessError: git does not know the revision.
    """
    tar = packed(revision)
    ARCHIVE.write_bytes(lzma.compress(tar, preset=9 | lzma.PRESET_EXTREME))
