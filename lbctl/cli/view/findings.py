"""What can be found wrong with an installation, by name, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    BROKEN = "broken"
    """Clients are without an address now."""
    WARNING = "warning"
    """Something will not do what it should, or not when it matters."""
    NOTE = "note"
    """Somebody wants it so, or it passes; it explains what else is seen."""


class Concern(StrEnum):
    """What is found."""

    NO_OPERATOR = "NoOperator"
    """Nobody gives addresses and nobody plans. What is announced goes on."""
    OPERATORS_MISSING = "OperatorsMissing"
    """Fewer operators are ready than there should be."""
    NO_SPEAKER = "NoSpeaker"
    """No speaker lives: nobody announces anything."""
    NO_POOL = "NoPool"
    """There is no IPAddressPool, so no Service gets an address."""
    NOT_HELD = "NotHeld"
    """A Service has the address, and no node that lives announces it."""
    WAITING = "Waiting"
    """A Service has no address."""
    CONFLICT = "Conflict"
    """A host that is none of the cluster's has or claims an address."""
    NO_HEIR = "NoHeir"
    """An address is announced, and nobody would take it if its holder died."""
    UNMET = "Unmet"
    """A Service has an address, but not what it asks for."""
    OUT_OF_POOL = "OutOfPool"
    """A Service has an address that its pool would not give it today."""
    NODE_OUT = "NodeOut"
    """A node with a speaker can announce nothing."""
    NODE_SET_ASIDE = "NodeSetAside"
    """A person keeps a node from announcing."""
    PARTNERS = "PartnersUnreachable"
    """A speaker does not hear its partners: a death is noticed after seconds, not at once."""
    HANDED_ON_OTHERWISE = "HandedOnOtherwise"
    """The traffic of an address takes another way to the pods than an L2Advertisement asks for."""
    NODE_SETTING = "NodeSetting"
    """A setting of a node spoils what it announces."""
    POOL_NOT_READY = "PoolNotReady"
    """A pool gives nothing, or nobody announces what it gives."""
    UNREACHABLE_SUBNET = "UnreachableSubnet"
    """Addresses of a pool are in no subnet that a node has an interface in."""
    POOL_FULL = "PoolFull"
    """A pool has no address left of a family."""
    POOL_NEARLY_FULL = "PoolNearlyFull"
    """Nine tenths of a pool are used."""
    ADVERTISEMENT = "AdvertisementNotReady"
    """An L2Advertisement selects nothing."""
    RELEASE_STUCK = "ReleaseStuck"
    """An address cannot become free, for nobody can ask the LAN, or somebody still answers."""
    VERSION_SKEW = "VersionSkew"
    """Speakers, or speakers and operator, are of several versions."""
    RULE_NOT_OBEYED = "RuleNotObeyed"
    """Most nodes fail a rule at once, so it is reported and not obeyed."""
    NOT_VISIBLE = "NotVisible"
    """A right is missing, so that a part of the answer is missing."""


_ORDER = [*Severity]
_CONCERNS = [*Concern]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    severity: Severity
    concern: Concern
    subject: str
    """What it is about, as kubectl names it: service/web, with its namespace if it has one."""
    message: str
    advice: str = ""
    """What to do, or the command that says more."""

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts what to look at first to the front."""
        return _ORDER.index(self.severity), _CONCERNS.index(self.concern)
