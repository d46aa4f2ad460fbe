"""Several Services at one address: where all of them are served, and who goes first."""

from dataclasses import replace
from typing import Any

import pytest

from lbctl.core.objects.advertisements import EVERYWHERE, AdvertisementView, Announcing
from lbctl.core.objects.services import ServiceView
from lbctl.core.outcomes import LeftOut, PlannedReason
from lbctl.core.succession.eligibility import Cluster
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import plan
from lbctl.core.succession.together import announcing_all, pods_of
from tests.unit.core.builders import MIDDLE, NEW, ip, key, node, nodes, service
from tests.unit.core.test_advertisements import GOLD, IRON, LAB, advertisement

NODES = nodes(
    replace(node("both"), labels={"tier": "gold", "size": "large"}),
    replace(node("gold"), labels={"tier": "gold"}),
    replace(node("iron"), labels={"tier": "iron", "size": "large"}),
    "plain",
)
LARGE: dict[str, Any] = {"matchLabels": {"size": "large"}}
FOR_WEB: dict[str, Any] = {"serviceSelectors": [{"matchLabels": {"app": "web"}}]}
FOR_DNS: dict[str, Any] = {"serviceSelectors": [{"matchLabels": {"app": "dns"}}]}
WEB, DNS = {"app": "web"}, {"app": "dns"}


def made(*ads: AdvertisementView, **services: dict[str, str]) -> Announcing:
    """How an address is announced that these Services have; web and dns, unless it says others."""
    told = services or {"web": WEB, "dns": DNS}
    labels = {key(name): labels for name, labels in told.items()}
    found = announcing_all(ads, LAB, labels, NODES.values())
    assert found is not None
    return found


def let_in(announcing: Announcing) -> set[str]:
    return {name for name, seen in NODES.items() if announcing.exclusion(seen) is None}


WEB_ON_GOLD = advertisement("web", nodeSelectors=[GOLD], **FOR_WEB)
WEB_NOWHERE = advertisement("web", nodeSelectors=[{"matchLabels": {"no": "node"}}], **FOR_WEB)
DNS_ON_LARGE = advertisement("dns", nodeSelectors=[LARGE], **FOR_DNS)
DNS_ON_IRON = advertisement("dns", nodeSelectors=[IRON], **FOR_DNS)


@pytest.mark.parametrize(
    ("rule", "ads", "served", "not_obeyed"),
    [
        ("without any, every node", [], {*NODES}, None),
        ("one about both", [advertisement(nodeSelectors=[GOLD])], {"both", "gold"}, None),
        ("a node must suit each of them", [WEB_ON_GOLD, DNS_ON_LARGE], {"both"}, None),
        ("who came later asks for what leaves no node", [WEB_ON_GOLD, DNS_ON_IRON],
         {"both", "gold"}, "L2Advertisement dns is not obeyed for default/dns"),
        ("who came first is served nowhere", [WEB_NOWHERE, DNS_ON_IRON],
         {"iron"}, "L2Advertisement web is not obeyed for default/web"),
        ("no advertisement is about the second", [WEB_ON_GOLD],
         {"both", "gold"}, "No L2Advertisement is about default/dns"),
        ("nor about the first", [DNS_ON_IRON], {"iron"}, "No L2Advertisement is about default/web"),
        ("one Service's several advertisements add up, and the other's narrow them",
         [WEB_ON_GOLD, advertisement("more", nodeSelectors=[IRON], **FOR_WEB), DNS_ON_LARGE],
         {"both", "iron"}, None),
    ],
)  # fmt: skip
def test_where_all_of_them_are_served(
    rule: str, ads: list[AdvertisementView], served: set[str], not_obeyed: str | None
) -> None:
    found = made(*ads)
    assert let_in(found) == served, rule
    assert [not_obeyed in remark for remark in found.remarks if not_obeyed] == (
        [True] if not_obeyed else []
    )
    assert bool(found.remarks) is bool(not_obeyed)


def test_the_order_in_which_they_came_decides_and_not_the_age_of_advertisements() -> None:
    found = made(WEB_ON_GOLD, DNS_ON_IRON, dns=DNS, web=WEB)
    assert let_in(found) == {"iron"}
    assert "default/web" in found.remarks[0]


def test_services_that_are_announced_alike_cost_nothing() -> None:
    one = advertisement(nodeSelectors=[GOLD])
    assert made(one) == made(one, web=WEB)
    assert made() is EVERYWHERE
    assert announcing_all([one], LAB, {}, ()) == made(one), "an address that nobody has yet"


def test_nothing_is_announced_when_no_advertisement_is_about_any() -> None:
    other = advertisement(ipAddressPools=["other"])
    assert announcing_all([other], LAB, {key("web"): WEB, key("dns"): DNS}, NODES.values()) is None


@pytest.mark.parametrize(
    ("rule", "web", "dns", "interfaces", "obeyed"),
    [
        ("those that both name", ["eth1", "eth2"], ["eth2", "eth3"], ("eth2",), True),
        ("those of the one that names any", [], ["eth2"], ("eth2",), True),
        ("by subnet when none does", [], [], (), True),
        ("who came first, when they have none alike", ["eth1"], ["eth2"], ("eth1",), False),
    ],
)
def test_interfaces_suit_all_of_them(
    rule: str, web: list[str], dns: list[str], interfaces: tuple[str, ...], *, obeyed: bool
) -> None:
    found = made(
        advertisement("web", interfaces=web, **FOR_WEB),
        advertisement("dns", interfaces=dns, **FOR_DNS),
    )
    assert found.interfaces == interfaces, rule
    assert (found.remarks == ()) is obeyed


def test_an_advertisement_about_both_weighs_once() -> None:
    preferred: dict[str, Any] = {"preferredNodes": [{"weight": 7, "nodeSelector": LARGE}]}
    found = made(
        advertisement("all", **preferred),
        advertisement("dns", MIDDLE, nodeSelectors=[GOLD], **FOR_DNS),
        advertisement("web", NEW, failback="AfterHoldOff", holdOffSeconds=9, **FOR_WEB),
    )
    assert found.weight({"size": "large"}) == 7
    assert found.fail_back_after == 9


def test_a_plan_names_who_is_left_out_and_what_is_not_obeyed() -> None:
    found = plan(
        ip(".9"),
        current=(),
        holder=None,
        nodes=NODES,
        loads=Loads(),
        advertisement=made(WEB_ON_GOLD, DNS_ON_IRON),
    )
    assert {*found.succession} == {"both", "gold"}
    assert (found.planned, found.reason) == (True, PlannedReason.RULE_NOT_OBEYED)
    assert "plain: no nodeSelectors of L2Advertisement web select it" in found.message
    assert found.message.endswith("it leaves no node to those with whom it shares the address.")


def test_each_of_them_may_leave_a_node_out() -> None:
    judged = Cluster(NODES).judge(ip(".9"), made(WEB_ON_GOLD, DNS_ON_LARGE))
    assert judged.eligible == ("both",)
    assert {(one.node, one.reason) for one in judged.left_out} == {
        (name, LeftOut.NOT_SELECTED) for name in ("gold", "iron", "plain")
    }
    (gold,) = (one for one in judged.left_out if one.node == "gold")
    assert "L2Advertisement dns" in gold.detail, "the one that does not select it"


def local(name: str, port: int, nodes: str) -> tuple[ServiceView, frozenset[str]]:
    return service(name, health_check_node_port=port), frozenset(nodes)


@pytest.mark.parametrize(
    ("rule", "each", "served"),
    [
        ("one", ["ab"], "ab"),
        ("one without any pod", [""], ""),
        ("all of them", ["abc", "bcd", "bc"], "bc"),
        ("one without any pod loses nothing to the others", ["ab", "", "b"], "b"),
        ("wherever it stands", ["", "ab"], "ab"),
        ("who was there first goes first", ["ab", "c", "bc"], "b"),
    ],
)
def test_nodes_with_pods_of_all(rule: str, each: list[str], served: str) -> None:
    found = pods_of([local(f"s{port}", port, nodes) for port, nodes in enumerate(each)])
    assert found.nodes == frozenset(served), rule
    unserved = [f"default/s{n} has" for n, nodes in enumerate(each) if not {*nodes} & {*served}]
    told = [remark.partition(" no ready endpoint")[0] for remark in found.remarks]
    assert told == (unserved if served else [])


def test_any_node_will_do_where_no_service_needs_pods_there() -> None:
    assert pods_of([]).nodes is None


@pytest.mark.parametrize(
    ("rule", "each", "port"),
    [
        ("the first one's", ["ab", "a"], 0),
        ("that of the first that has any pod: else every node says that it has none", ["", "a"], 1),
        ("the first one's while none has any", ["", ""], 0),
    ],
)
def test_whose_health_check_is_asked(rule: str, each: list[str], port: int) -> None:
    found = pods_of([local("web", number, nodes) for number, nodes in enumerate(each)])
    assert found.health_check_node_port == port, rule
