"""What pages quote is what lbctl says, word for word."""

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lbctl.api.crd import KINDS
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.objects.advertisements import Announcing, announcing
from lbctl.core.objects.pools import Allocation
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import Ownership, ServiceKey
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import plan
from lbctl.core.succession.together import announcing_all
from tests.pages import PAGES, ROOT
from tests.unit.core.builders import allocated, key, ledger, node, nodes, pool, service
from tests.unit.core.test_advertisements import advertisement

NODES = nodes(
    *(
        replace(node(name, "172.16.110.10/24"), labels={"lan": lan})
        for name, lan in (("n1", "edge"), ("n2", "edge"), ("n3", "core"))
    )
)
EDGE, CORE = ({"matchLabels": {"lan": lan}} for lan in ("edge", "core"))
LAN = pool("lan", "172.16.110.100-172.16.110.199")


def no_pool_gives() -> str:
    names = [f"taken-{number}" for number in range(20)]
    known = ledger(
        pool("gold", "10.0.1.0-10.0.1.9", disabled=True),
        pool("lab", "10.0.0.1-10.0.0.20"),
        service("web"),
        *(allocated(f".{host}", name) for host, name in enumerate(names, start=1)),
    )
    return told(known)


def belongs_to_another() -> str:
    asked = ip_address("172.16.110.180")
    known = ledger(
        pool("gold", "172.16.110.180", auto_assign=False),
        pool("silver", "172.16.110.181-172.16.110.186", auto_assign=False),
        service("web", "172.16.110.186", request=Request(addresses=(asked,))),
        allocated("172.16.110.186", "web", pool="silver"),
        allocated("172.16.110.180", "shop", pool="gold"),
    )
    return told(known)


def pool_of_another_team() -> str:
    known = ledger(
        pool(
            "team-a", "172.16.110.160-172.16.110.167", allocation=Allocation(namespaces=("team-a",))
        ),
        pool("spare", "172.16.110.170-172.16.110.173"),
        service("second", "172.16.110.170", request=Request(pools=("team-a",))),
        allocated("172.16.110.170", "second", pool="spare"),
    )
    return told(known, "second").replace("than default", "than team-b")


def told(known: Ledger, service_name: str = "web") -> str:
    status = decide(key(service_name), known, Ownership()).status
    assert status is not None
    assert status.verdict is not None
    return status.verdict.message


def only_edges_announce() -> str:
    return planned(announcing([advertisement("edge", nodeSelectors=[EDGE])], LAN, {}))


def not_obeyed_for_who_came_later() -> str:
    ads = [
        advertisement(
            name, nodeSelectors=[where], serviceSelectors=[{"matchLabels": {"app": name}}]
        )
        for name, where in (("shop", EDGE), ("staff", CORE))
    ]
    services = {ServiceKey("shop", name): {"app": name} for name in ("shop", "staff")}
    return planned(announcing_all(ads, LAN, services, NODES.values()))


def planned(how: Announcing | None) -> str:
    found = plan(
        ip_address("172.16.110.150"),
        current=("n1", "n2"),
        holder="n1",
        nodes=NODES,
        loads=Loads(),
        advertisement=how,
    )
    return found.message


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("docs/services.md", no_pool_gives),
        ("docs/services.md", not_obeyed_for_who_came_later),
        ("examples/03-edge-nodes/README.md", only_edges_announce),
        ("examples/06-pools-for-teams/README.md", pool_of_another_team),
        ("examples/07-requests/README.md", belongs_to_another),
    ],
)
def test_a_page_quotes_what_is_said(page: str, said: Callable[[], str]) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert said() in text


COLUMN = re.compile(r"`?(\w+)`? of\s+`kubectl get (\w+)( -o wide)?`")
TABLE = re.compile(r"^ *\$ kubectl get (\S+)([^\n]*)\n *(NAME .*)$", re.MULTILINE)
NAMES = {
    name: kind.definition
    for kind in KINDS
    for name in (
        kind.definition.plural,
        kind.definition.singular,
        *kind.definition.short_names,
    )
}


def test_tables_in_pages_have_the_columns_that_kubectl_prints() -> None:
    seen = set()
    for page in PAGES:
        for kind, flags, header in TABLE.findall(page.read_text(encoding="utf-8")):
            if kind not in NAMES or "-o custom" in flags:
                continue
            columns = [c.name for c in NAMES[kind].columns if not c.wide or "-o wide" in flags]
            assert header.split() == ["NAME", *map(str.upper, columns)], page
            seen.add(NAMES[kind].kind)
    assert {"IPAddressPool", "VirtualIP", "L2Advertisement"} <= seen


def test_a_column_that_a_page_names_is_one_that_kubectl_prints() -> None:
    seen = 0
    for page in PAGES:
        for column, kind, wide in COLUMN.findall(page.read_text(encoding="utf-8")):
            columns = {c.name.upper() for c in NAMES[kind].columns if wide or not c.wide}
            assert column in columns, f"{page}: {column} of kubectl get {kind}{wide}"
            seen += 1
    assert seen
