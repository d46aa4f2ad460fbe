"""The models: what is stored survives, and reads the same way through the models and the views."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from lbctl.api.advertisements import (
    AvoidedTaint,
    Failback,
    L2Advertisement,
    L2AdvertisementSpec,
    TaintEffect,
)
from lbctl.api.meta import ApiModel, Condition, ConditionStatus, ObjectMeta
from lbctl.api.pools import (
    AddressCounts,
    IPAddressPool,
    IPAddressPoolSpec,
    IPAddressPoolStatus,
    PoolAllocation,
)
from lbctl.api.selectors import LabelRequirement, LabelSelector, SelectorOperator
from lbctl.api.speakers import InterfaceStatus, Speaker, SpeakerStatus
from lbctl.api.virtualips import (
    Release,
    ServiceReference,
    VirtualIP,
    VirtualIPSpec,
    VirtualIPStatus,
)
from lbctl.core.labels import candidate_labels
from lbctl.core.objects.advertisements import HOLD_OFF
from lbctl.core.objects.pools import Allocation
from lbctl.core.objects.speakers import Taint
from lbctl.core.objects.virtualips import Stage
from lbctl.core.reading.advertisements import advertisement_view
from lbctl.core.reading.objects import speaker_view, virtual_ip_view
from lbctl.core.reading.pools import pool_view
from lbctl.core.selectors import Operator, Requirement, Selector
from tests.unit.api.fields import unknown_fields, unsaid_fields
from tests.unit.core.builders import ip, ref
from tests.unit.core.test_advertisements import ADVERTISEMENT
from tests.unit.core.test_reading import POOL, VIRTUAL_IP

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ready(status: ConditionStatus) -> Condition:
    return Condition(type="Ready", status=status, reason="Because", last_transition_time=NOON)


@pytest.mark.parametrize(
    ("model", "obj"),
    [
        (IPAddressPoolSpec, POOL),
        (L2AdvertisementSpec, ADVERTISEMENT),
    ],
)
def test_what_a_person_can_write_is_what_decisions_read(
    model: type[ApiModel], obj: dict[str, Any]
) -> None:
    """The objects are those that the tests of reading read in full."""
    found = model.model_validate(obj["spec"])
    assert [*unknown_fields(found)] == [], "read, but the API server would drop it"
    assert [*unsaid_fields(found)] == [], "it could be written, and would not be read"


def test_what_is_read_of_a_virtual_ip_is_what_the_api_server_stores() -> None:
    assert [*unknown_fields(VirtualIPSpec.model_validate(VIRTUAL_IP["spec"]))] == []


def test_fields_of_a_newer_version_survive() -> None:
    stored = {
        "apiVersion": "lbctl.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": "lab", "annotations": {"a": "b"}},
        "spec": {"addresses": ["10.0.0.0/28"], "rotate": {"every": ["10.0.0.1"]}},
    }
    kept = IPAddressPool.from_object(stored).to_object()
    assert kept["metadata"] == {"name": "lab", "annotations": {"a": "b"}}
    assert kept["spec"]["rotate"] == {"every": ["10.0.0.1"]}


def test_what_is_not_set_is_absent_and_never_null() -> None:
    made = VirtualIP(
        metadata=ObjectMeta(name="10.0.0.8", labels=candidate_labels(["n1"])),
        spec=VirtualIPSpec(address="10.0.0.8", release=Release()),
    )
    assert made.to_object() == {
        "apiVersion": "lbctl.io/v1beta1",
        "kind": "VirtualIP",
        "metadata": {"name": "10.0.0.8", "labels": candidate_labels(["n1"])},
        "spec": {
            "address": "10.0.0.8",
            "services": [],
            "succession": [],
            "interfaces": [],
            "release": {},
        },
    }


def test_a_virtual_ip_reads_the_same_through_both() -> None:
    made = VirtualIP(
        metadata=ObjectMeta(name="10.0.0.8", uid="u", resource_version="5", generation=2),
        spec=VirtualIPSpec(
            address="10.0.0.8",
            pool="lab",
            services=[ServiceReference(namespace="default", name="web", uid="uid-web")],
            succession=["a", "b"],
        ),
        status=VirtualIPStatus(
            holder="a",
            since=NOON,
            conditions=[
                Condition(
                    type="Released",
                    status=ConditionStatus.FALSE,
                    reason="StillAnswered",
                    last_transition_time=NOON,
                    observed_generation=2,
                ),
            ],
        ),
    )
    seen = virtual_ip_view(made.to_object())
    assert (seen.address, seen.stage, seen.service) == (ip(".8"), Stage.ALLOCATED, ref())
    assert (seen.succession, seen.holder, seen.pool) == (("a", "b"), "a", "lab")
    assert seen.released is not None
    assert (seen.released.silent, seen.released.observed_generation) == (False, 2)


def test_a_pool_reads_the_same_through_both() -> None:
    made = IPAddressPool(
        metadata=ObjectMeta(name="lab", creation_timestamp=NOON),
        spec=IPAddressPoolSpec(
            addresses=["10.0.0.0/28"],
            exclude=["10.0.0.1"],
            auto_assign=False,
            avoid_buggy_ips=True,
            allow_subnet_edges=True,
            disabled=True,
            allocation=PoolAllocation(
                priority=3,
                namespaces=["team-a"],
                namespace_selectors=[LabelSelector(match_labels={"tier": "gold"})],
                service_selectors=[LabelSelector()],
                quota_per_namespace=7,
            ),
        ),
        status=IPAddressPoolStatus(
            ipv4=AddressCounts(total=16, used=1, free=15),
            conditions=[ready(ConditionStatus.FALSE)],
        ),
    )
    seen = pool_view(made.to_object())
    assert (seen.name, seen.entries, seen.disabled) == ("lab", ("10.0.0.0/28",), True)
    assert seen.created == "2026-01-01T12:00:00Z"
    assert seen.exclude == ("10.0.0.1",)
    assert (seen.auto_assign, seen.avoid_buggy_ips, seen.allow_subnet_edges) == (False, True, True)
    assert seen.allocation == Allocation(
        priority=3,
        namespaces=("team-a",),
        namespace_selectors=(Selector((Requirement("tier", Operator.IN, ("gold",)),)),),
        service_selectors=(Selector(),),
        quota_per_namespace=7,
    )


def test_what_a_pool_does_not_say_is_the_same_through_both() -> None:
    made = IPAddressPool(
        metadata=ObjectMeta(name="lab"), spec=IPAddressPoolSpec(addresses=["10.0.0.1"])
    )
    bare = {"metadata": {"name": "lab"}, "spec": {"addresses": ["10.0.0.1"]}}
    assert pool_view(made.to_object()) == pool_view(bare)


def test_a_speaker_reads_the_same_through_both() -> None:
    made = Speaker(
        metadata=ObjectMeta(name="n1"),
        status=SpeakerStatus(
            version="0.1.0",
            interfaces=[InterfaceStatus(name="eth0", addresses=["10.0.0.11/24"], carrier=True)],
            conditions=[ready(ConditionStatus.TRUE)],
        ),
    )
    seen = speaker_view(made.to_object())
    assert seen.ready
    assert [(i.name, i.carrier) for i in seen.interfaces] == [("eth0", True)]
    assert seen.interfaces[0].reaches(ip(".8"))


def test_a_condition_is_true_false_or_unknown() -> None:
    with pytest.raises(ValidationError, match="True"):
        Condition.model_validate(
            {"type": "Ready", "status": "yes", "reason": "R", "lastTransitionTime": NOON},
        )


def test_an_advertisement_reads_the_same_through_both() -> None:
    exists = LabelRequirement(key="tier", operator=SelectorOperator.EXISTS)
    made = L2Advertisement(
        metadata=ObjectMeta(name="ad", creation_timestamp=NOON),
        spec=L2AdvertisementSpec(
            ip_address_pools=["lab"],
            node_selectors=[LabelSelector(match_expressions=[exists])],
            avoided_taints=[AvoidedTaint(key="a/b", effect=TaintEffect.NO_EXECUTE)],
            failback=Failback.AFTER_HOLD_OFF,
        ),
    )
    seen = advertisement_view(made.to_object())
    assert (seen.name, seen.created, seen.pools) == ("ad", "2026-01-01T12:00:00Z", ("lab",))
    assert seen.admission.selects({"tier": "gold"})
    assert not seen.admission.selects({})
    assert seen.admission.avoids([Taint("a/b", "c", "NoExecute")])
    assert seen.fail_back_after == HOLD_OFF


def test_the_operators_of_selectors_are_those_that_decisions_know() -> None:
    assert {*map(str, SelectorOperator)} == {*map(str, Operator)}
