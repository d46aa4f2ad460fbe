"""The lab's command: `python -m tests.lab up`, and what one does with it then."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tests.lab import binaries, images, metallb, packages
from tests.lab.cluster import Lab
from tests.lab.errors import LabError
from tests.lab.layout import cache_root
from tests.lab.network import namespaces
from tests.lab.spec import LabSpec


def _spec(options: argparse.Namespace) -> LabSpec:
    return LabSpec(
        name=options.name,
        nodes=options.nodes,
        proxy=options.proxy,
        second_lan=options.second_lan,
        kubelets=options.kubelets,
        clients=options.clients,
    )


def build(options: argparse.Namespace) -> int:
    """Everything that takes long, once, into the cache."""
    packages.ensure(packages.RUN)
    found = binaries.ensure()
    for directory in sorted({str(path.parent) for path in found.values()}):
        print(f"programs: {directory}")
    images.build()
    if options.metallb:
        metallb.archives()
    print(f"images:   {cache_root() / 'images'}")
    return 0


def up(options: argparse.Namespace) -> int:
    """Boot, and say what to do next."""
    began = time.monotonic()
    lab = Lab(_spec(options))
    lab.up()
    print(f"lab {lab.spec.name!r} is up after {time.monotonic() - began:.1f} s\n")
    me = "python -m tests.lab"
    name = "" if lab.spec.name == "lab" else f" --name {lab.spec.name}"
    print(f"  export KUBECONFIG={lab.kubeconfig}")
    print(f"  {me} kubectl{name} get nodes -o wide")
    print(f"  {me} exec{name} client -- ping -c1 {lab.spec.control_plane.address()}")
    print(f"  {me} status{name}      (hosts, processes, logs)")
    print(f"  {me} down{name}")
    return 0


def down(options: argparse.Namespace) -> int:
    """Remove every trace of the lab, whatever state it is in."""
    Lab(LabSpec(name=options.name)).down()
    return 0


def status(options: argparse.Namespace) -> int:
    """Hosts, processes and logs; exits 1 when there is no lab or a daemon has ended."""
    lab = Lab.attach(options.name)
    print(f"lab {lab.spec.name!r}: {lab.spec.nodes} nodes, proxy mode {lab.spec.proxy}")
    print(f"kubeconfig: {lab.kubeconfig}\nlogs:       {lab.state.logs}\n")
    there = namespaces(lab.spec)
    print(f"{'HOST':<10}{'IPV4':<17}{'IPV6':<16}{'MAC':<20}NAMESPACE")
    for host in lab.spec.hosts:
        name = lab.spec.namespace(host.name)
        shown = name if name in there else "(powered off)"
        print(f"{host.name:<10}{host.address(4):<17}{host.address(6):<16}{host.mac():<20}{shown}")
    print(f"\n{'PROCESS':<26}{'PID':<8}{'STATE':<8}LOG")
    ended = 0
    for record in lab.supervisor.all():
        alive = record.alive()
        ended += not alive
        print(f"{record.name:<26}{record.pid:<8}{'runs' if alive else 'ENDED':<8}{record.log}")
    return 1 if ended else 0


def kubectl(options: argparse.Namespace) -> int:
    """kubectl as the cluster's administrator, on this terminal."""
    lab = Lab.attach(options.name)
    argv = [str(lab.site.binaries["kubectl"]), f"--kubeconfig={lab.kubeconfig}", *_words(options)]
    return subprocess.call(argv)


def helm(options: argparse.Namespace) -> int:
    """The same for helm."""
    lab = Lab.attach(options.name)
    env = {**os.environ, "KUBECONFIG": str(lab.kubeconfig)}
    return subprocess.call([str(lab.site.binaries["helm"]), *_words(options)], env=env)


def execute(options: argparse.Namespace) -> int:
    """A command on a host, on this terminal."""
    words = _words(options)
    if not words:
        raise LabError("say what to run: python -m tests.lab exec HOST -- COMMAND ...")
    return subprocess.call([*Lab.attach(options.name).enter(options.host), *words])


def load_image(options: argparse.Namespace) -> int:
    """Import an OCI archive into every node."""
    Lab.attach(options.name).load_image(options.archive)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, action: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=action.__doc__)
        command.set_defaults(action=action)
        command.add_argument("--name", default="lab", help="which lab (default: lab)")
        return command

    everything = add("build", build, "build programs and images into the cache")
    everything.add_argument("--metallb", action="store_true", help="MetalLB's images as well")
    boot = add("up", up, "boot a cluster; one of the same name is replaced")
    boot.add_argument("--nodes", type=int, default=3, help="0 for an API server alone")
    boot.add_argument("--proxy", choices=["nftables", "iptables"], default="nftables")
    boot.add_argument("--second-lan", action="store_true", help="eth1 on a second LAN")
    boot.add_argument("--no-kubelets", dest="kubelets", action="store_false", help="run no pods")
    boot.add_argument("--clients", type=int, default=1, help="outside hosts")
    add("down", down, "remove every trace of a lab")
    add("status", status, "hosts, processes and where their logs are")
    for name, action in (("kubectl", kubectl), ("helm", helm)):
        add(name, action, f"run {name}").add_argument("words", nargs=argparse.REMAINDER)
    command = add("load-image", load_image, "import an OCI archive into every node")
    command.add_argument("archive", type=Path)
    command = add("exec", execute, "run a command on a host: cp, router, n1, ..., client")
    command.add_argument("host")
    command.add_argument("words", nargs=argparse.REMAINDER)
    return parser


def words_apart(argv: list[str]) -> list[str]:
    """The arguments with `--` before kubectl's or helm's own: argparse would read `-n` as ours."""
    if argv[:1] not in (["kubectl"], ["helm"]):
        return argv
    ours = 1
    while ours < len(argv) and argv[ours].startswith("--name"):
        ours += 1 if "=" in argv[ours] else 2
    own_words = argv[ours:]
    if own_words[:1] in (["-h"], ["--help"], ["--"]):
        return argv
    return [*argv[:ours], "--", *own_words]


def _words(options: argparse.Namespace) -> list[str]:
    words: list[str] = options.words
    return words[1:] if words[:1] == ["--"] else words


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> int:
    """Run one command; an error is one sentence, not a traceback."""
    # SIGTERM is to clear up what is half booted, as Ctrl-C does.
    signal.signal(signal.SIGTERM, _end)
    options = _parser().parse_args(words_apart(sys.argv[1:]))
    try:
        return int(options.action(options))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; what was half booted is cleared", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
