"""Build lbctl's own image from the Dockerfile and write it as an OCI archive that nodes can import.

`python -m tests.lab.lbctl_image --base IMAGE --output FILE`. podman keeps each step as a layer, so
a second run does only what changed: seconds for code, half a minute for new dependencies. What it
replaces it removes.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tests.lab import images
from tests.lab.layout import REPOSITORY, cache_root, locked

TAG = "localhost/lbctl:dev"

# What this machine trusts and which package index it uses; mounted, so it never enters the image.
BORROWED = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf"))


def build(*, base: str, output: Path, tag: str = TAG, sources: Path = REPOSITORY) -> str:
    """Build `tag` on `base`, write it to `output` unless it is there already, return its id."""
    if base == images.BASE:
        images.build()
    with locked(cache_root() / "lbctl-image.lock"):
        replaced = [known for name in (tag, _stage(tag)) if (known := _identity(name))]
        _run(_command(base, _stage(tag), sources, "--target=application"))
        _run(_command(base, tag, sources))
        identity = _identity(tag)
        _save(tag, identity, output)
        for image in replaced:
            _remove_unless_named(image)
    return identity


def _stage(tag: str) -> str:
    """The name of the stage before the last: without one, each build would leave it behind."""
    return f"{tag}-application"


def _command(base: str, tag: str, sources: Path, *more: str) -> list[str]:
    podman = ["podman", "--cgroup-manager=cgroupfs"]
    # chroot isolation: the build runs in places that allow no containers within themselves.
    where = ["--isolation=chroot", "--network=host"]
    # podman asks for more than a sandboxed root may set, unless it is told what is enough.
    limits = ["--ulimit=nofile=10000:10000", "--ulimit=nproc=10000:10000"]
    mounts = [f"--volume={path}:{path}:ro" for path in BORROWED if path.exists()]
    what = [f"--build-arg=BASE={base}", f"--tag={tag}", "--format=oci", *more, str(sources)]
    return [*podman, "build", "--quiet", "--layers", *where, *limits, *mounts, *what]


def _identity(name: str) -> str:
    """The id of the image of this name; empty when there is none."""
    return _ask("inspect", "--format={{.Id}}", name)


def _remove_unless_named(image: str) -> None:
    """Remove what a build has replaced. Whoever needs it still, gave it a name or runs it."""
    if _ask("inspect", "--format={{len .RepoTags}}", image) == "0":
        _ask("rm", image)


def _save(tag: str, identity: str, output: Path) -> None:
    """Write the archive; the file beside it says which image it holds, and is written last."""
    stamp = output.with_suffix(".id")
    if output.exists() and stamp.exists() and stamp.read_text() == f"{tag} {identity}":
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    part = output.with_suffix(".part")
    part.unlink(missing_ok=True)
    _run(["podman", "save", "--quiet", "--format=oci-archive", f"--output={part}", tag])
    part.replace(output)
    stamp.write_text(f"{tag} {identity}")


def _ask(*command: str) -> str:
    """What `podman image` prints; empty when it refuses, which is no harm."""
    done = subprocess.run(
        ["podman", "image", *command], check=False, text=True, capture_output=True
    )
    return "" if done.returncode else done.stdout.strip()


def _run(command: list[str]) -> str:
    """Run, return what it printed; what it complains about goes to the terminal."""
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.lbctl_image", description=__doc__)
    parser.add_argument("--base", default=images.BASE, help="an image with Python 3.11 or later")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build" / "lbctl-image.tar")
    parser.add_argument("--tag", default=TAG, help="the image's name within the archive")
    arguments = parser.parse_args()
    began = time.monotonic()
    try:
        identity = build(base=arguments.base, output=arguments.output, tag=arguments.tag)
    except subprocess.CalledProcessError as error:
        sys.exit(f"building {arguments.tag} failed: {error}\n{error.stdout}")
    size = arguments.output.stat().st_size / 1e6
    took = time.monotonic() - began
    print(f"{arguments.output}: {arguments.tag} {identity[:12]}, {size:.0f} MB, {took:.0f} s")


if __name__ == "__main__":
    main()
