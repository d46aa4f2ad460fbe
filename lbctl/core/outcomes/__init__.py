"""The closed vocabulary of lbctl: every reason it can give for doing something or for not doing it.

The same words appear in Events, in conditions, in metrics and in tests. A reason that is not here
does not exist: whoever needs one adds it to the file of the object that it is told of, with what it
means. Everybody imports them from here.
"""

from lbctl.core.outcomes.advertisements import AdvertisementReason
from lbctl.core.outcomes.conditions import ConditionType
from lbctl.core.outcomes.metallb import CompatReason
from lbctl.core.outcomes.nodes import LeftOut, Liveness, NodeEvent, Spared
from lbctl.core.outcomes.pools import PoolEvent, PoolReason, PoolRefusal, RebalancedReason
from lbctl.core.outcomes.services import Notice, Outcome
from lbctl.core.outcomes.speakers import (
    HandOffReason,
    NodeCheckReason,
    NodePortReason,
    PartnersReason,
    PartnerState,
    SpeakerReason,
)
from lbctl.core.outcomes.virtualips import (
    AnnouncedReason,
    ConflictReason,
    HandedOnReason,
    InPoolReason,
    PlannedReason,
    ReleasedReason,
    Replanned,
    ReservedReason,
    Unheld,
)

__all__ = [
    "AdvertisementReason",
    "AnnouncedReason",
    "CompatReason",
    "ConditionType",
    "ConflictReason",
    "HandOffReason",
    "HandedOnReason",
    "InPoolReason",
    "LeftOut",
    "Liveness",
    "NodeCheckReason",
    "NodeEvent",
    "NodePortReason",
    "Notice",
    "Outcome",
    "PartnerState",
    "PartnersReason",
    "PlannedReason",
    "PoolEvent",
    "PoolReason",
    "PoolRefusal",
    "RebalancedReason",
    "ReleasedReason",
    "Replanned",
    "ReservedReason",
    "Spared",
    "SpeakerReason",
    "Unheld",
]
