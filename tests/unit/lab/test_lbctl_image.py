"""What building the image leaves in podman's store."""

from pathlib import Path

import pytest

from tests.lab import lbctl_image

TAG = "localhost/lbctl:dev"
STAGE = f"{TAG}-application"

PODMAN = """#!/bin/sh
# A store: the id of each name, and the number of names of each old id.
here=$(dirname "$0")
echo "$*" >> "$here/calls"
case "$*" in
  *" build "*)
    for word; do case "$word" in --tag=*) name=${word#--tag=} ;; esac; done
    echo "new of $name" > "$here/images/$(echo "$name" | tr / _)" ;;
  "image inspect --format={{.Id}} "*) cat "$here/images/$(echo "$4" | tr / _)" 2>/dev/null ;;
  "image inspect --format={{len .RepoTags}} old"*) cat "$here/names/$4" ;;
  "image inspect --format={{len .RepoTags}} "*) echo 1 ;;
  "image rm "*) [ ! -e "$here/in-use" ] ;;
  save*) for word; do case "$word" in --output=*) echo tar > "${word#--output=}" ;; esac; done ;;
esac
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with the images of an earlier build, that lose their names to the next one."""
    for folder in ("images", "names"):
        (tmp_path / folder).mkdir()
    program = tmp_path / "podman"
    program.write_text(PODMAN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("LBCTL_CACHE", str(tmp_path / "cache"))
    for name, old in ((TAG, "old-image"), (STAGE, "old-stage")):
        (tmp_path / "images" / name.replace("/", "_")).write_text(old)
        (tmp_path / "names" / old).write_text("0")
    return tmp_path


def build(store: Path) -> list[str]:
    """Build, and return what was removed."""
    found = lbctl_image.build(base="python", output=store / "image.tar", tag=TAG)
    assert found == f"new of {TAG}"
    calls = (store / "calls").read_text().splitlines()
    return [call.removeprefix("image rm ") for call in calls if call.startswith("image rm ")]


def test_what_a_build_replaces_is_removed(store: Path) -> None:
    assert build(store) == ["old-image", "old-stage"]


def test_the_first_build_replaces_nothing(store: Path) -> None:
    for image in (store / "images").iterdir():
        image.unlink()
    assert build(store) == []


def test_what_has_another_name_stays(store: Path) -> None:
    (store / "names" / "old-image").write_text("1")
    assert build(store) == ["old-stage"]


def test_what_podman_does_not_give_away_is_no_fault(store: Path) -> None:
    (store / "in-use").touch()
    assert build(store) == ["old-image", "old-stage"]


def test_a_build_that_changes_nothing_removes_nothing(store: Path) -> None:
    build(store)
    (store / "calls").unlink()
    assert build(store) == []
