"""Whether the node's proxy takes the traffic from here: what the answers of its health checks mean.

Pure: answers in, judgements out. Two checks, and they end differently:

- The proxy's own health (kube-proxy: port 10256, `/healthz`, KEP-3836) becomes the condition
  `HandOffReady`, and with it the operator's to act on. The wire never hears of it. A proxy that is
  away leaves its rules in the kernel, so the node goes on handing traffic over, by what was true
  when it stopped: there is time to move its addresses in good order, and an upgrade that restarts
  every proxy at once must not make every node silent. Only the operator sees how many say the same.
- The `healthCheckNodePort` of a Service with `externalTrafficPolicy: Local` says whether this node
  has an endpoint. Without one the kernel drops the traffic, whoever else says so too: the wire lets
  such an address go, when the operator has not moved it by then.

Fail static: what never answered says nothing, and what is refused is not "no endpoints".
"""

import json
from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, assert_never

from lbctl.core.outcomes import ConditionType, HandOffReason
from lbctl.kube.conditions import Condition

_GOOD_STATUS: Final = range(200, 300)
_VALUE: Final = "the chart's speaker.proxyHealthURL"

MISSES_ANSWERED: Final = 3
"""Answers in a row that are not good, before a proxy that was well is believed to be unwell."""
MISSES: Final = 8
"""The same when nobody answers: a proxy that is being upgraded is back by then, mostly."""
RECOVERED: Final = 3
"""Good answers in a row, before a proxy that was unwell is believed to be well."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from an HTTP health check."""

    status: int
    body: bytes = b""


class Heard(Enum):
    """What a question to the proxy brought."""

    WELL = auto()
    UNWELL = auto()
    """It answers, and not with success."""
    LEAVING = auto()
    """It is well, but its node is about to be deleted."""
    NOTHING = auto()
    """No connection, or no answer in time."""


def understood(reply: Reply | None) -> Heard:
    """What a reply of `/healthz` says; None is no reply.

    kube-proxy answers 503 both when it does not keep up and when its node is being deleted, and
    tells the two apart in the body.
    """
    if reply is None:
        return Heard.NOTHING
    if reply.status in _GOOD_STATUS:
        return Heard.WELL
    body = _object(reply.body)
    # An older kube-proxy does not say `healthy`: then the node is the likelier cause.
    leaving = body.get("nodeEligible") is False and body.get("healthy") is not False
    return Heard.LEAVING if leaving else Heard.UNWELL


_REASONS: Final = {
    Heard.WELL: HandOffReason.PROXY_HEALTHY,
    Heard.UNWELL: HandOffReason.PROXY_UNHEALTHY,
    Heard.LEAVING: HandOffReason.NODE_LEAVING,
    Heard.NOTHING: HandOffReason.PROXY_SILENT,
}
_ENOUGH: Final = {
    Heard.WELL: RECOVERED,
    Heard.UNWELL: MISSES_ANSWERED,
    Heard.LEAVING: MISSES_ANSWERED,
    Heard.NOTHING: MISSES,
}


@dataclass(frozen=True, slots=True)
class ProxyHealth:
    """What is believed of the proxy, and what speaks against it."""

    reason: HandOffReason = HandOffReason.NO_PROXY_HEALTH
    good: int = 0
    """Good answers in a row."""
    missed: int = 0
    """Questions in a row without a good answer."""

    def after(self, heard: Heard) -> "ProxyHealth":
        """What is believed after one more question."""
        well = heard is Heard.WELL
        in_a_row = 1 + (self.good if well else self.missed)
        now = replace(self, good=in_a_row if well else 0, missed=0 if well else in_a_row)
        if self.reason.ready is None:
            # A proxy that was never seen well may have its health check elsewhere, or none.
            return replace(now, reason=_REASONS[heard]) if well else now
        return replace(now, reason=_REASONS[heard]) if in_a_row >= _ENOUGH[heard] else now


def resumed(reason: str | None) -> ProxyHealth:
    """What an agent begins with that has been started again.

    Args:
        reason: of the condition in the API. Whoever judged the proxy had seen it well: a node that
            comes back from a reboot without its proxy has no rules in its kernel.
    """
    try:
        before = HandOffReason(reason or "")
    except ValueError:
        return ProxyHealth()
    return ProxyHealth() if before.ready is None else ProxyHealth(reason=before)


class Endpoints(Enum):
    """What a Service's `healthCheckNodePort` says about this node."""

    SOME = auto()
    NONE = auto()
    UNTOLD = auto()
    """No answer, or none that says so: a proxy that does not serve the port is not an empty one."""


def endpoints(reply: Reply | None) -> Endpoints:
    """What a reply of a `healthCheckNodePort` says; None is no reply.

    kube-proxy answers 503 without endpoints, and also when it does not keep up itself. The body
    tells the two apart; the latter is `HandOffReady`'s to say.
    """
    if reply is None:
        return Endpoints.UNTOLD
    count = _object(reply.body).get("localEndpoints")
    if isinstance(count, int):
        return Endpoints.SOME if count > 0 else Endpoints.NONE
    if reply.status in _GOOD_STATUS:
        return Endpoints.SOME
    return Endpoints.NONE if reply.status == HTTPStatus.SERVICE_UNAVAILABLE else Endpoints.UNTOLD


NONE_IN_A_ROW: Final = 3
"""Answers without an endpoint, before the wire hears of it. The operator sees the EndpointSlices
and has moved the address by then, make before break; and a proxy that has just started says "none"
until it has read them."""
FORGOTTEN: Final = 30
"""Questions in a row without an answer, after which what was known is worth nothing."""


@dataclass(frozen=True, slots=True)
class LocalHealth:
    """Whether this node can hand on what comes for a Service with local endpoints only."""

    serving: bool = True
    none: int = 0
    untold: int = 0

    def after(self, heard: Endpoints) -> "LocalHealth":
        """What is believed after one more question."""
        match heard:
            case Endpoints.SOME:
                return LocalHealth()
            case Endpoints.NONE:
                none = min(self.none + 1, NONE_IN_A_ROW)
                return LocalHealth(serving=self.serving and none < NONE_IN_A_ROW, none=none)
            case Endpoints.UNTOLD:
                untold = self.untold + 1
                return LocalHealth() if untold >= FORGOTTEN else replace(self, untold=untold)
            case _:
                assert_never(heard)


def condition(reason: HandOffReason, *, url: str, node: str) -> Condition:
    """The condition `HandOffReady`, with what to do about it."""
    return Condition(
        type=ConditionType.HAND_OFF_READY,
        status=reason.ready,
        reason=reason,
        message=_message(reason, url, node),
        generation=0,
    )


def _message(reason: HandOffReason, url: str, node: str) -> str:
    its_pod = f"kubectl -n kube-system get pods -o wide --field-selector spec.nodeName={node}"
    match reason:
        case HandOffReason.PROXY_HEALTHY:
            return f"the node's proxy says at {url} that it is well"
        case HandOffReason.PROXY_UNHEALTHY:
            return (
                f"the node's proxy says at {url} that it does not keep up with Services: see its "
                f"log; {its_pod} finds it"
            )
        case HandOffReason.PROXY_SILENT:
            return (
                f"the node's proxy answered at {url} and does not any more: start it again; "
                f"{its_pod} finds it. If it has no health check now, {_VALUE} is to be empty"
            )
        case HandOffReason.NODE_LEAVING:
            return (
                f"the node's proxy says at {url} that this node is being deleted. If it shall "
                f"stay: kubectl taint node {node} ToBeDeletedByClusterAutoscaler-"
            )
        case HandOffReason.NO_PROXY_HEALTH:
            return (
                f"nobody has answered well at {url} yet, so nothing is concluded. If the proxy has "
                f"its health check elsewhere, name it in {_VALUE}; if it has none, leave that empty"
            )
        case HandOffReason.NOT_CHECKED:
            return f"{_VALUE} is empty, so nobody asks"
        case _:
            assert_never(reason)


def _object(body: bytes) -> dict[str, object]:
    try:
        read = json.loads(body)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
