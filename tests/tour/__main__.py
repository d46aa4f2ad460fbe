"""`make demo`: boot a cluster, install lbctl, and show an EXTERNAL-IP that survives its node."""

import argparse
import sys
import time
from collections.abc import Callable

from tests.bench.outage.listener import Listener
from tests.lab import Lab, LabSpec
from tests.lab.errors import LabError
from tests.tour import steps
from tests.tour.site import IMAGE, LabSite, Site
from tests.tour.steps import Seen

STEPS = 11
LOOK_AROUND = """
The cluster is still up. To look around:

    lab="$PWD/.venv/bin/python -m tests.lab"
    $lab kubectl --name demo get svc,vips,speakers,ipaddresspools
    $lab kubectl --name demo describe svc web
    $lab exec --name demo client -- curl http://{address}:8080/
    $lab exec --name demo client -- arping -c 3 -I eth0 {address}
    $lab status --name demo

and to end it: make demo-down
"""


class Guide:
    """Prints each step as it begins, what it saw, and the table at the end."""

    def __init__(self) -> None:
        self._rows: list[Seen] = []
        self._number = 0

    def announce(self, title: str) -> None:
        self._number += 1
        print(f"\n  {self._number:2} of {STEPS}  {title}", flush=True)

    def saw(self, seen: Seen, since: float) -> None:
        self._rows.append(seen)
        print(f"           {seen.how}  ({time.monotonic() - since:.1f} s)", flush=True)

    def walk(self, title: str, step: Callable[[], Seen]) -> None:
        self.announce(title)
        since = time.monotonic()
        self.saw(step(), since)

    def table(self) -> None:
        width = max((len(row.what) for row in self._rows), default=0)
        print("\n  What was seen\n")
        for row in self._rows:
            print(f"    {row.what:<{width}}  {row.how}")


def tour(lab: Lab, site: Site, guide: Guide) -> str:
    """Walk the quickstart; return the Service's address."""
    walk = guide.walk
    lab.load_image(IMAGE)
    walk("helm install lbctl", lambda: steps.install(site))
    walk("kubectl apply the IPAddressPool", lambda: steps.apply_pool(site))
    walk("kubectl apply the web application", lambda: steps.apply_web(site))
    walk("the selector makes Endpoints", lambda: steps.endpoints(site))
    walk("the ClusterIP, from inside", lambda: steps.cluster_ip(site))
    walk("NodePort 30642 on every node, from inside", lambda: steps.node_port_inside(site))
    walk("NodePort 30642 on every node, from outside", lambda: steps.node_port_outside(site))

    guide.announce("the EXTERNAL-IP, from outside")
    since = time.monotonic()
    seen, address = steps.external_ip(site)
    guide.saw(seen, since)

    guide.announce("which node answers for it")
    since = time.monotonic()
    seen, node = steps.holder(site, address)
    guide.saw(seen, since)

    guide.announce(f"power off {node}: the address goes on answering from another node")
    dead = lab.mac(node)
    since = time.monotonic()
    with Listener(lab, address) as listener:
        lab.faults.power_cut(node)
        seen, heir = steps.another_holder(site, address, node)
        taken = next(one.at for one in listener.claims if one.at > since and one.mac != dead)
    guide.saw(
        Seen(seen.what, f"{heir} announces it {taken - since:.2f} s later, and answers"), since
    )
    return address


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.tour", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the cluster up at the end")
    parser.add_argument("--proxy", choices=["nftables", "iptables"], default="nftables")
    options = parser.parse_args()
    guide = Guide()
    lab = Lab(LabSpec(name="demo", nodes=3, proxy=options.proxy))
    try:
        guide.announce("boot a Kubernetes of 3 nodes")
        since = time.monotonic()
        lab.up()
        what = f"3 nodes, kube-proxy ({options.proxy}), one LAN, one client outside"
        guide.saw(Seen("Cluster", what), since)
        address = tour(lab, LabSite(lab), guide)
        guide.table()
        if options.keep:
            print(LOOK_AROUND.format(address=address))
    except (AssertionError, LabError) as missed:
        guide.table()
        print(f"\n  NOT SEEN: {missed}", file=sys.stderr)
        return 1
    else:
        return 0
    finally:
        if not options.keep:
            lab.down()


if __name__ == "__main__":
    sys.exit(main())
