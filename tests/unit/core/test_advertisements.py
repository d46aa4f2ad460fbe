"""L2Advertisements: what they match, how several combine, and what is found of them."""

from typing import Any

import pytest

from lbctl.core.allocation.pool_findings import assess
from lbctl.core.labels import ZONE_LABEL
from lbctl.core.objects.advertisements import (
    EVERYWHERE,
    HOLD_OFF,
    Admission,
    AdvertisementView,
    AvoidedTaint,
    announcing,
    combine,
)
from lbctl.core.objects.speakers import NodeView, Taint
from lbctl.core.objects.virtualips import UNTIMED, HandOff, Timings
from lbctl.core.outcomes import AdvertisementReason, LeftOut, PoolReason
from lbctl.core.reading.advertisements import advertisement_view
from lbctl.core.reading.pools import pool_view
from lbctl.core.succession.advertisement_findings import assess_advertisement, unadvertised
from tests.unit.core.builders import MIDDLE, NEW, OLD, node, nodes, pool

GOLD: dict[str, Any] = {"matchLabels": {"tier": "gold"}}
IRON: dict[str, Any] = {"matchLabels": {"tier": "iron"}}
LAB = pool("lab", "10.0.0.0/28")


def advertisement(name: str = "ad", created: str = OLD, **spec: Any) -> AdvertisementView:
    """One, as the API server would send it."""
    return advertisement_view(
        {"metadata": {"name": name, "creationTimestamp": created}, "spec": spec}
    )


def labelled(name: str, *taints: Taint, **labels: str) -> NodeView:
    return NodeView(name, node(name).speaker, taints=taints, labels=labels)


ADVERTISEMENT: dict[str, Any] = {
    "metadata": {
        "name": "ad",
        "creationTimestamp": OLD,
        "generation": 3,
        "uid": "u",
        "resourceVersion": "9",
    },
    "spec": {
        "ipAddressPools": ["lab"],
        "ipAddressPoolSelectors": [GOLD],
        "serviceSelectors": [GOLD],
        "nodeSelectors": [
            {"matchExpressions": [{"key": ZONE_LABEL, "operator": "Exists"}]},
        ],
        "avoidedTaints": [{"key": "a/b", "value": "c", "effect": "NoExecute"}],
        "interfaces": ["eth1"],
        "preferredNodes": [{"weight": 7, "nodeSelector": GOLD}],
        "announcement": {"burstMilliseconds": [100], "refreshSeconds": 60},
        "handOff": "NodePort",
        "failback": "AfterHoldOff",
        "holdOffSeconds": 0,
    },
}


def test_everything_is_read() -> None:
    seen = advertisement_view(ADVERTISEMENT)
    gold = seen.pool_selectors[0]
    assert gold.matches({"tier": "gold"})
    assert not gold.matches({"tier": "iron"})
    assert (seen.pools, seen.service_selectors, seen.interfaces) == (("lab",), (gold,), ("eth1",))
    assert seen.admission.selects({ZONE_LABEL: ""})
    assert not seen.admission.selects({})
    assert seen.admission.avoided == (AvoidedTaint("a/b", "c", "NoExecute"),)
    assert [(one.weight, one.selector) for one in seen.preferences] == [(7, gold)]
    assert (seen.timings, seen.fail_back_after) == (Timings((100,), 60), 0)
    assert seen.hand_off is HandOff.NODE_PORT
    assert (seen.generation, seen.uid, seen.resource_version) == (3, "u", "9")


def test_an_empty_one_is_about_everything() -> None:
    seen = advertisement_view({"metadata": {"name": "ad"}})
    assert seen == AdvertisementView("ad")
    assert seen.matches(LAB, {})
    assert seen.matches(None, {})


def test_fail_back_has_a_hold_off_unless_it_says_never() -> None:
    assert advertisement(failback="AfterHoldOff").fail_back_after == HOLD_OFF
    assert advertisement(failback="Never").fail_back_after is None


def test_an_operator_of_a_newer_version_selects_nothing() -> None:
    newer = {"matchExpressions": [{"key": "tier", "operator": "Gt", "values": ["1"]}]}
    assert not advertisement(serviceSelectors=[newer]).matches(LAB, {"tier": "2"})


@pytest.mark.parametrize(
    ("rule", "spec", "labels", "matches"),
    [
        ("a pool by name", {"ipAddressPools": ["lab"]}, {}, True),
        ("another pool", {"ipAddressPools": ["other"]}, {}, False),
        ("a pool by label", {"ipAddressPoolSelectors": [IRON, GOLD]}, {}, True),
        ("another label", {"ipAddressPoolSelectors": [IRON]}, {}, False),
        (
            "a name or a label is enough",
            {"ipAddressPools": ["other"], "ipAddressPoolSelectors": [GOLD]},
            {},
            True,
        ),
        ("a Service by label", {"serviceSelectors": [IRON, GOLD]}, {"tier": "gold"}, True),
        ("another Service", {"serviceSelectors": [GOLD]}, {}, False),
        (
            "pool and Service must both match",
            {"ipAddressPools": ["other"], "serviceSelectors": [GOLD]},
            {"tier": "gold"},
            False,
        ),
    ],
)
def test_what_an_advertisement_is_about(
    rule: str, spec: dict[str, Any], labels: dict[str, str], *, matches: bool
) -> None:
    lab = pool_view({"metadata": {"name": "lab", "labels": {"tier": "gold"}}})
    assert advertisement(**spec).matches(lab, labels) is matches, rule


def test_a_pool_that_is_gone_matches_what_names_no_pool() -> None:
    assert advertisement().matches(None, {})
    assert not advertisement(ipAddressPools=["lab"]).matches(None, {})


def test_without_any_advertisement_everybody_announces() -> None:
    assert announcing([], LAB, {}) is EVERYWHERE


def test_when_none_matches_nobody_does() -> None:
    assert announcing([advertisement(ipAddressPools=["other"])], LAB, {}) is None


def test_only_those_that_match_combine() -> None:
    ads = [
        advertisement("b", MIDDLE),
        advertisement("a", NEW),
        advertisement("c", serviceSelectors=[GOLD]),
    ]
    made = announcing(ads, LAB, {})
    assert made is not None
    assert made.names == ("b", "a"), "the oldest first"


def test_a_node_that_one_lets_in_announces() -> None:
    made = combine([advertisement(nodeSelectors=[GOLD]), advertisement("b", nodeSelectors=[IRON])])
    assert made.exclusion(labelled("n", tier="gold")) is None
    assert made.exclusion(labelled("n", tier="iron")) is None
    left_out = made.exclusion(labelled("n"))
    assert left_out is not None
    assert left_out.reason is LeftOut.NOT_SELECTED
    assert str(left_out) == "n: no nodeSelectors of L2Advertisement ad, b select it [NotSelected]"


@pytest.mark.parametrize(
    ("rule", "avoided", "reason"),
    [
        ("by key", {"key": "a/b"}, LeftOut.TAINTED),
        ("by key and value", {"key": "a/b", "value": "c"}, LeftOut.TAINTED),
        ("another value", {"key": "a/b", "value": ""}, None),
        ("by effect", {"key": "a/b", "effect": "NoSchedule"}, LeftOut.TAINTED),
        ("another effect", {"key": "a/b", "effect": "NoExecute"}, None),
        ("another key: a cordon drains nothing", {"key": "b"}, None),
    ],
)
def test_a_taint_keeps_a_node_out_when_it_is_named(
    rule: str, avoided: dict[str, str], reason: LeftOut | None
) -> None:
    made = combine([advertisement(avoidedTaints=[avoided])])
    found = made.exclusion(labelled("n", Taint("a/b", "c", "NoSchedule")))
    assert (found and found.reason) == reason, rule
    assert found is None or found.detail == "L2Advertisement ad avoids its taint a/b=c:NoSchedule"


def test_a_taint_that_one_avoids_is_let_in_by_another() -> None:
    tainted = labelled("n", Taint("a/b"), tier="gold")
    strict, lax = advertisement(avoidedTaints=[{"key": "a/b"}]), advertisement("b")
    assert combine([strict, lax]).exclusion(tainted) is None
    elsewhere = advertisement("b", nodeSelectors=[IRON])
    found = combine([strict, elsewhere]).exclusion(tainted)
    assert found is not None
    assert found.reason is LeftOut.TAINTED, "the one that selects the node says why not"


def test_interfaces_are_all_that_are_named_unless_one_names_none() -> None:
    one, two = (
        advertisement(interfaces=["eth1", "eth2"]),
        advertisement("b", interfaces=["eth0", "eth1"]),
    )
    assert combine([one, two]).interfaces == ("eth1", "eth2", "eth0")
    assert combine([one, advertisement("b")]).interfaces == ()


def test_weights_add_up() -> None:
    light, heavy = ({"weight": weight, "nodeSelector": GOLD} for weight in (3, 40))
    made = combine(
        [advertisement(preferredNodes=[light]), advertisement("b", preferredNodes=[heavy])]
    )
    assert made.weight({"tier": "gold"}) == 43
    assert made.weight({}) == 0


def test_each_timing_is_that_of_the_oldest_that_sets_it() -> None:
    quiet, old, new = (
        advertisement("quiet"),
        advertisement("old", MIDDLE, announcement={"refreshSeconds": 60}),
        advertisement("new", NEW, announcement={"refreshSeconds": 5, "burstMilliseconds": [10]}),
    )
    assert combine([new, old, quiet]).timings == Timings((10,), 60)
    assert combine([quiet]).timings == UNTIMED


def test_the_oldest_that_says_it_decides_how_it_is_handed_on() -> None:
    quiet, old, new = (
        advertisement("quiet"),
        advertisement("old", MIDDLE, handOff="NodePort"),
        advertisement("new", NEW, handOff="ClusterProxy"),
    )
    assert combine([new, old, quiet]).hand_off is HandOff.NODE_PORT
    assert combine([new, quiet]).hand_off is HandOff.CLUSTER_PROXY
    assert combine([quiet]).hand_off is HandOff.CLUSTER_PROXY


def test_a_way_of_a_newer_version_is_not_taken() -> None:
    assert advertisement(handOff="EBPF").hand_off is None


def test_fail_back_when_one_wants_it_after_the_longest_hold_off() -> None:
    never, short, long = (
        advertisement("never"),
        advertisement("short", failback="AfterHoldOff", holdOffSeconds=5),
        advertisement("long", failback="AfterHoldOff", holdOffSeconds=50),
    )
    assert combine([never, short, long]).fail_back_after == 50
    assert combine([never]).fail_back_after is None


def test_equal_admissions_are_one() -> None:
    assert combine([advertisement("a"), advertisement("b")]).admissions == (Admission(),)


@pytest.mark.parametrize(
    ("rule", "spec", "reason", "says"),
    [
        ("it is about a pool and nodes", {}, AdvertisementReason.READY, "announced by it"),
        (
            "no pool of that name",
            {"ipAddressPools": ["x"]},
            AdvertisementReason.SELECTS_NO_POOL,
            'There is no IPAddressPool "x". Compare ipAddressPools',
        ),
        (
            "no pool with that label",
            {"ipAddressPoolSelectors": [GOLD]},
            AdvertisementReason.SELECTS_NO_POOL,
            "It selects none. Compare",
        ),
        (
            "one of the pools is not there",
            {"ipAddressPools": ["x", "lab", "y"]},
            AdvertisementReason.POOL_NOT_FOUND,
            'no IPAddressPool "x" or "y"; the others are announced',
        ),
        (
            "no node",
            {"nodeSelectors": [GOLD]},
            AdvertisementReason.SELECTS_NO_NODE,
            "kubectl get nodes --show-labels",
        ),
        (
            "no node has the interface",
            {"interfaces": ["eth7", "eth8"]},
            AdvertisementReason.INTERFACE_NOT_FOUND,
            'has an interface "eth7" or "eth8"',
        ),
        ("a node has one of them", {"interfaces": ["eth7", "eth0"]}, AdvertisementReason.READY, ""),
        (
            "an older one sets another refresh",
            {"announcement": {"refreshSeconds": 5}},
            AdvertisementReason.TIMINGS_OVERRIDDEN,
            'The older L2Advertisement "older" is about the same pool',
        ),
        (
            "both set the same",
            {"announcement": {"refreshSeconds": 60}},
            AdvertisementReason.READY,
            "",
        ),
        (
            "only the younger sets it",
            {"announcement": {"burstMilliseconds": [10]}},
            AdvertisementReason.READY,
            "",
        ),
    ],
)
def test_what_is_found_of_an_advertisement(
    rule: str, spec: dict[str, Any], reason: AdvertisementReason, says: str
) -> None:
    one = advertisement("young", NEW, **spec)
    older = advertisement("older", OLD, announcement={"refreshSeconds": 60})
    found = assess_advertisement(one, others=[one, older], pools=[LAB], nodes=nodes("a", "b"))
    assert found.reason is reason, rule
    assert says in found.message
    assert found.message.endswith(".")
    assert found.ready is reason.announces


def test_a_younger_one_overrides_nothing() -> None:
    one = advertisement("one", OLD, announcement={"refreshSeconds": 5})
    younger = advertisement("younger", NEW, announcement={"refreshSeconds": 60})
    found = assess_advertisement(one, others=[younger], pools=[LAB], nodes=nodes("a"))
    assert found.reason is AdvertisementReason.READY


def test_pools_and_nodes_with_a_speaker_are_counted() -> None:
    known = nodes("a", "b", NodeView("mute"))
    both = [LAB, pool("other", "10.0.1.0/28")]
    found = assess_advertisement(advertisement(), others=[], pools=both, nodes=known)
    assert (found.pools, found.nodes) == (2, 2)


def test_many_names_are_counted() -> None:
    names = [f"p{n}" for n in range(10)]
    one = advertisement(ipAddressPools=names)
    found = assess_advertisement(one, others=[], pools=[LAB], nodes={})
    assert '"p6", "p7" or 2 more.' in found.message


def test_a_pool_that_none_is_about_says_so() -> None:
    finding = assess([LAB])["lab"]
    about, elsewhere = advertisement(ipAddressPools=["lab"]), advertisement(ipAddressPools=["x"])
    assert unadvertised(finding, []) is finding
    assert unadvertised(finding, [elsewhere, about]) is finding
    found = unadvertised(finding, [elsewhere])
    assert found.reason is PoolReason.NOT_ADVERTISED
    assert found.gives
    assert 'Write "lab" into the ipAddressPools of one' in found.message
    disabled = assess([pool("lab", "10.0.0.0/28", disabled=True)])["lab"]
    assert unadvertised(disabled, [elsewhere]) is disabled
