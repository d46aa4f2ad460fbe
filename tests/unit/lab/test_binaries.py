"""Which programs fit, which Go does, and when the cache is stale."""

import pytest

from tests.lab.binaries import (
    CLUSTER,
    OURS,
    PROGRAMS,
    Collection,
    cache_key,
    fits,
    linker_flags,
    versions,
)
from tests.lab.errors import LabError
from tests.lab.layout import GO_MODULE
from tests.lab.metallb import METALLB
from tests.lab.toolchain import parse_version, wanted_version

GO_MOD = (GO_MODULE / "go.mod").read_text()


@pytest.mark.parametrize(
    ("said", "version", "fitting", "rule"),
    [
        ("Kubernetes v1.37.2", "1.37.2", True, "a v before it"),
        ("etcd Version: 3.7.0\nGit SHA: abc", "3.7.0", True, "on one of several lines"),
        ("containerd x/v2 2.4.2+unknown ", "2.4.2", True, "build data after a plus"),
        ("v3.21.4+gabcdef", "3.21.4", True, "helm adds its commit"),
        ("Kubernetes v1.37.20", "1.37.2", False, "a longer number is another"),
        ("Kubernetes v1.37.2-rc.0", "1.37.2", False, "a candidate is not the release"),
        ("Kubernetes v11.37.2", "1.37.2", False, "the first number is whole too"),
        ("Kubernetes v1.36.2", "1.37.2", False, "another version"),
        ("", "1.37.2", False, "a program that says nothing"),
    ],
)
def test_a_program_fits_when_it_names_exactly_the_pinned_version(
    *, said: str, version: str, fitting: bool, rule: str
) -> None:
    assert fits(said, version) is fitting, rule


def test_go_mod_pins_every_program_with_a_version() -> None:
    pinned = versions(GO_MOD)

    assert {p.module for p in PROGRAMS if p.version_argv} <= pinned.keys()
    assert f"gitVersion=v{pinned['k8s.io/kubernetes']}" in linker_flags(pinned)


@pytest.mark.parametrize("collection", [CLUSTER, METALLB])
def test_a_collection_pins_the_modules_of_its_programs_and_builds_anew_when_its_files_change(
    collection: Collection,
) -> None:
    sources = collection.sources()

    pinned = versions(sources["go.mod"].decode())
    assert {p.module for p in collection.programs} - {OURS} <= pinned.keys()
    assert {"go.sum", "tools.go"} <= sources.keys()


def test_what_stands_in_for_frr_is_among_metallb_s_sources() -> None:
    assert "frr-k8s/api/v1beta1/types.go" in METALLB.sources()


def test_versions_reads_blocks_single_lines_and_comments() -> None:
    block = "require (\n\td.e/f/v2 v2.0.0-rc.1 // indirect\n)\n"
    text = f"require a.b/c v1.2.3\n{block}replace g => h v9.9.9\n"

    assert versions(text) == {"a.b/c": "1.2.3", "d.e/f/v2": "2.0.0-rc.1"}


@pytest.mark.parametrize(
    ("files", "flags", "rule"),
    [
        ({"go.mod": b"a", "go.sum": b"c"}, "-s", "a changed file"),
        ({"go.mod": b"a"}, "-s", "a file less"),
        ({"go.mod": b"ab", "go.sum": b""}, "-s", "the same bytes cut elsewhere"),
        ({"go.mod": b"a", "go.sum": b"b"}, "-w", "other flags"),
    ],
)
def test_the_cache_has_another_name_after(files: dict[str, bytes], flags: str, rule: str) -> None:
    assert cache_key(files, flags) != cache_key({"go.mod": b"a", "go.sum": b"b"}, "-s"), rule


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go1.26.8\n", (1, 26, 8)),
        ("1.26", (1, 26)),
        ("devel go1.27-abc", None),
        ("go1.27rc1", None),
        ("", None),
    ],
)
def test_only_a_released_go_has_a_version(text: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(text) == version


def test_a_newer_go_is_greater_number_by_number() -> None:
    older, newer = parse_version("go1.9.10"), parse_version("go1.26.6")

    assert older is not None
    assert newer is not None
    assert older < newer


def test_go_mod_names_the_go_that_it_wants() -> None:
    assert parse_version(wanted_version(GO_MOD)) is not None
    with pytest.raises(LabError, match="no go line"):
        wanted_version("module x\n")
