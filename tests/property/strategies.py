"""What the property tests draw from. Small worlds: collisions are the point."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address
from typing import Any

from hypothesis import strategies as st

from lbctl.core.intervals import Interval
from lbctl.core.objects.advertisements import Admission, Announcing, Preference
from lbctl.core.objects.speakers import InterfaceView, NodeView, SpeakerView
from lbctl.core.outcomes import Liveness
from lbctl.core.selectors import Operator, Requirement, Selector

LAN = IPv4Address("10.0.0.0")
LAN6 = IPv6Address("fd00::")

NODE_NAMES = tuple(f"n{number}" for number in range(8))

node_names = st.sampled_from(NODE_NAMES)

addresses = st.integers(1, 24).map(lambda host: LAN + host)
"""Addresses of one small LAN."""

intervals = st.tuples(st.integers(0, 60), st.integers(0, 12)).map(
    lambda pair: Interval(pair[0], pair[0] + pair[1]),
)

ranges = st.tuples(st.sampled_from([LAN, LAN6]), st.integers(1, 24), st.integers(0, 6)).map(
    lambda drawn: f"{drawn[0] + drawn[1]}-{drawn[0] + min(drawn[1] + drawn[2], 24)}",
)
"""Entries of a pool on that LAN, of either family."""

entries = st.lists(ranges, min_size=1, max_size=3).map(tuple)


AILMENTS: tuple[dict[str, Any], ...] = (
    {"speaker": None},
    {"liveness": Liveness.STALE},
    {"liveness": Liveness.RELEASED},
    {"ready": False},
    {"carrier": False},
    {"subnet": "192.168.0.1/24"},
    {"node": {"draining": True}},
    {"node": {"excluded": True}},
    {"node": {"ready": False}},
    {"node": {"network_available": False}},
)


def node_view(name: str, ailment: dict[str, Any]) -> NodeView:
    """A node that can announce, but for what ails it."""
    if "speaker" in ailment:
        return NodeView(name, None, Liveness.FRESH)
    addresses = (IPv4Interface(ailment.get("subnet", f"10.0.0.{201 + int(name[1:])}/24")),)
    carrier = ailment.get("carrier", True)
    interface = InterfaceView("eth0", "02:00:00:00:00:01", addresses, carrier=carrier)
    speaker = SpeakerView(name, (interface,), ready=ailment.get("ready", True))
    node: dict[str, Any] = ailment.get("node", {})
    return NodeView(name, speaker, ailment.get("liveness", Liveness.FRESH), **node)


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, NodeView]:
    """Some nodes by name: mostly many, mostly healthy."""
    absent = draw(st.sets(node_names))
    ailing = draw(st.dictionaries(node_names, st.sampled_from(AILMENTS)))
    golden = draw(st.sets(node_names))
    zones = draw(st.dictionaries(node_names, st.sampled_from(["east", "west"])))
    old = draw(st.sets(node_names, max_size=2))
    return {
        name: replace(
            node_view(name, ailing.get(name, {})),
            labels={"tier": "gold"} if name in golden else {},
            zone=zones.get(name, ""),
            updated=name not in old,
        )
        for name in NODE_NAMES
        if name not in absent
    }


GOLD = Selector((Requirement("tier", Operator.IN, ("gold",)),))

announcings = st.builds(
    Announcing,
    names=st.just(("ad",)),
    admissions=st.sampled_from([(), (Admission((GOLD,)),)]),
    preferences=st.sampled_from([(), (Preference(7, GOLD),)]),
    fail_back_after=st.sampled_from([None, 0.0, 60.0]),
)
"""L2Advertisements that match, combined."""


successions = st.lists(node_names, unique=True, max_size=6).map(tuple)

holders = st.none() | node_names
