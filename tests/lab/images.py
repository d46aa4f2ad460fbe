"""The container images of the lab, made from Debian's packages: no image registry is asked.

An OCI archive is a tar of JSON and layers, so it is written here; nothing but mmdebstrap is needed.
Each image is made once, into the cache, under a name that changes with its recipe.
"""

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab import packages
from tests.lab.binaries import Binaries
from tests.lab.commands import run
from tests.lab.layout import cache_root, locked

PAUSE = "localhost/lab/pause:1"
BASE = "localhost/lbctl-base:trixie"
NGINX = "docker.io/library/nginx:1.29"
KNOT = "docker.io/cznic/knot:3.4"

SUITE = "trixie"

NGINX_CONF = """\
user nginx;
worker_processes 1;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
"""

DEFAULT_CONF = """\
server {
    listen 80;
    listen [::]:80;
    server_name localhost;
    location / { root /usr/share/nginx/html; index index.html; }
}
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an image is made.

    Attributes:
        name: what kubelet asks for.
        packages: Debian packages of its first layer; none for an image of files alone.
        hooks: commands that mmdebstrap runs on the tree, which is "$1".
        files: text files of its second layer.
        links: symbolic links of its second layer.
        config: its part of the OCI image configuration.
        seconds: how long making it takes on two cores.
    """

    name: str
    packages: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    seconds: int = 1

    def key(self) -> str:
        recipe = [2, SUITE, self.name, self.packages, self.hooks, self.config]
        text = json.dumps([*recipe, dict(self.files), dict(self.links)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


RECIPES = {
    "base": Recipe(
        BASE,
        packages=("ca-certificates", "python3", "python3-venv"),
        config={"Cmd": ["python3"]},
        seconds=45,
    ),
    "nginx": Recipe(
        NGINX,
        packages=("ca-certificates", "curl", "nginx-light"),
        # The names and places of the image that this one stands in for.
        hooks=('chroot "$1" useradd --system --no-create-home --shell /bin/false nginx',),
        files={"etc/nginx/nginx.conf": NGINX_CONF, "etc/nginx/conf.d/default.conf": DEFAULT_CONF},
        links={
            "var/log/nginx/access.log": "/dev/stdout",
            "var/log/nginx/error.log": "/dev/stderr",
        },
        config={
            "Cmd": ["nginx", "-g", "daemon off;"],
            "ExposedPorts": {"80/tcp": {}},
            "StopSignal": "SIGQUIT",
        },
        seconds=40,
    ),
    "knot": Recipe(KNOT, packages=("knot",), config={"Cmd": ["knotd"]}, seconds=40),
}


def layer(
    files: Mapping[str, bytes], links: Mapping[str, str] | None = None, mode: int = 0o644
) -> bytes:
    """An uncompressed layer of a few files; the same files always give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(files[path]), mode
            archive.addfile(entry, io.BytesIO(files[path]))
        for path, target in sorted((links or {}).items()):
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def architecture() -> str:
    """Debian's name of this machine's architecture, which is also OCI's for amd64 and arm64."""
    return run("dpkg", "--print-architecture").stdout.strip()


def write_archive(
    output: Path, name: str, layers: list[Path], config: Mapping[str, Any], arch: str
) -> None:
    """Write an OCI archive (OCI image layout) of uncompressed layers, replacing it in one step."""
    digests = [_file_digest(path) for path in layers]
    path_variable = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    image = {
        "architecture": arch,
        "os": "linux",
        "config": {"Env": [path_variable], **config},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{d}" for d in digests]},
        # podman builds on no image whose history names fewer layers than it has.
        "history": [{"created_by": "tests.lab.images"} for _ in digests],
    }
    blobs: dict[str, bytes] = {}

    def blob(kind: str, content: object) -> dict[str, Any]:
        data = json.dumps(content, sort_keys=True).encode()
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return _descriptor(kind, digest, len(data))

    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("application/vnd.oci.image.config.v1+json", image),
        "layers": [
            _descriptor("application/vnd.oci.image.layer.v1.tar", digest, path.stat().st_size)
            for digest, path in zip(digests, layers, strict=True)
        ],
    }
    described = blob("application/vnd.oci.image.manifest.v1+json", manifest)
    described["annotations"] = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name,
    }
    small = {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [described]}).encode(),
        **{f"blobs/sha256/{digest}": data for digest, data in blobs.items()},
    }
    part = output.with_suffix(".part")
    with tarfile.open(part, "w") as archive:
        for path, data in small.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for digest, source in zip(digests, layers, strict=True):
            archive.add(source, f"blobs/sha256/{digest}")
    part.replace(output)


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}


def _debian_layer(recipe: Recipe, output: Path) -> None:
    left_out = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
    run(
        *("mmdebstrap", "--quiet", "--variant=minbase", "--mode=root"),
        f"--include={','.join(recipe.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in left_out),
        *(f"--customize-hook={hook}" for hook in recipe.hooks),
        # apt-get runs in the tree only here: its lists and cache would double the image.
        '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*',
        *(SUITE, output),
        timeout=1800,
    )


def _make(recipe: Recipe, output: Path) -> None:
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        debian, files = Path(scratch) / "debian.tar", Path(scratch) / "files.tar"
        _debian_layer(recipe, debian)
        layers = [debian]
        if recipe.files:
            contents = {path: text.encode() for path, text in recipe.files.items()}
            files.write_bytes(layer(contents, recipe.links))
            layers.append(files)
        write_archive(output, recipe.name, layers, recipe.config, architecture())


def _make_program(name: str, program: Path, output: Path) -> None:
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        files = Path(scratch) / "files.tar"
        files.write_bytes(layer({program.name: program.read_bytes()}, mode=0o755))
        config = {"Entrypoint": [f"/{program.name}"]}
        write_archive(output, name, [files], config, architecture())


def _once(kind: str, key: str, make: Callable[[Path], None], note: str) -> Path:
    """The archive of that kind and key, made if it is not there; older ones of its kind go."""
    directory = cache_root() / "images"
    output = directory / f"{kind}-{key}.tar"
    if output.exists():
        return output
    directory.mkdir(parents=True, exist_ok=True)
    with locked(cache_root() / "images.lock"):
        if not output.exists():
            if note:
                print(note, flush=True)
            make(output)
            for old in directory.glob(f"{kind}-*.tar"):
                if old != output:
                    old.unlink()
    return output


def archive(kind: str) -> Path:
    """The archive of a recipe, made if need be."""
    recipe = RECIPES[kind]

    def make(output: Path) -> None:
        packages.ensure(packages.BUILD)
        began = time.monotonic()
        _make(recipe, output)
        size = output.stat().st_size / 1e6
        print(f"    {recipe.name}: {time.monotonic() - began:.0f} s, {size:.0f} MB", flush=True)

    note = f"image {recipe.name} from Debian {SUITE} (about {recipe.seconds} s)"
    return _once(kind, recipe.key(), make, note)


def program_archive(kind: str, name: str, program: Path) -> Path:
    """The archive of an image that is one static program."""
    digest = hashlib.sha256(f"{name} {_file_digest(program)}".encode())
    return _once(kind, digest.hexdigest()[:12], partial(_make_program, name, program), "")


def node_archives(programs: Binaries) -> dict[str, Path]:
    """What every node has from the start: the pause image and the web server, by image name."""
    pause = program_archive("pause", PAUSE, programs["pause"])
    return {PAUSE: pause, NGINX: archive("nginx")}


def build() -> None:
    """Make every image; give the base image to podman, which builds lbctl's own on it."""
    archive("nginx")
    archive("knot")
    base = archive("base")
    packages.ensure(packages.BUILD)
    stamp = base.with_suffix(".loaded")
    known = shutil.which("podman") and run("podman", "image", "exists", BASE, check=False)
    if known and known.returncode == 0 and stamp.exists():
        return
    run("podman", "load", "--quiet", "--input", base, timeout=600)
    stamp.touch()
