"""What a Service asks for besides an address: which one, from which pools, shared with whom.

It is read from annotations and `spec.loadBalancerIP`. What cannot be read is a problem that the
owner hears of, never something to be guessed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lbctl.core.addresses import Address, Family, family_of, parse
from lbctl.core.outcomes import Notice, Outcome

MAX_SHARING_KEY = 253
"""Characters of a sharing key: it is written into the VirtualIP."""
MAX_POOLS = 64
"""So many pools may be asked for."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The annotations in which a request is written; of several names the first that is there."""

    addresses: tuple[str, ...]
    """A list of addresses, one for each family, separated by commas."""
    pools: tuple[str, ...]
    """An ordered list of pools' names, separated by commas."""
    sharing_key: tuple[str, ...]
    """Services with the same key may have one address."""
    granted_from: str = ""
    """No request but an answer: the pool that the address is from is written there; empty = it is
    not written."""


LBCTL = Dialect(
    addresses=("lbctl.io/addresses",),
    pools=("lbctl.io/pools",),
    sharing_key=("lbctl.io/allow-shared-ip",),
)
"""Our own annotations."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a Service asks for."""

    addresses: tuple[Address, ...] = ()
    """At most one of each family."""
    pools: tuple[str, ...] = ()
    """Nowhere but in these, the first one first; empty = wherever it may."""
    sharing_key: str = ""
    """Whoever has the same may share its addresses; empty = nobody."""
    problems: tuple[Notice, ...] = ()
    """What cannot be read or contradicts itself; then the whole request counts for nothing."""

    def address(self, family: Family) -> Address | None:
        """The address of a family that is asked for."""
        for one in self.addresses:
            if family_of(one) is family:
                return one
        return None


NOTHING = Request()
"""The Service asks for nothing in particular."""


def read(
    annotations: Mapping[str, str], load_balancer_ip: str = "", dialect: Dialect = LBCTL
) -> Request:
    """Read a request.

    Args:
        annotations: those of the Service.
        load_balancer_ip: `spec.loadBalancerIP`, deprecated by Kubernetes and still used.
        dialect: the names of the annotations.
    """
    if not annotations and not load_balancer_ip:
        return NOTHING
    problems: list[Notice] = []
    asked = _find(annotations, dialect.addresses)
    addresses = tuple(_addresses(asked, load_balancer_ip, problems))
    _, key = _find(annotations, dialect.sharing_key)
    if len(key) > MAX_SHARING_KEY:
        problems.append(_wrong(f"A sharing key has at most {MAX_SHARING_KEY} characters."))
    pools = tuple(dict.fromkeys(_items(_find(annotations, dialect.pools)[1])))
    if len(pools) > MAX_POOLS:
        problems.append(_wrong(f"At most {MAX_POOLS} pools can be asked for."))
    if problems:
        return Request(problems=tuple(problems))
    return Request(addresses, pools, key)


def _find(annotations: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """The first annotation that is there, by its name, and what it says without spaces around."""
    for name in names:
        if text := annotations.get(name, "").strip():
            return name, text
    return next(iter(names), ""), ""


def _items(text: str) -> Iterator[str]:
    return (item for one in text.split(",") if (item := one.strip()))


def _addresses(
    asked: tuple[str, str], load_balancer_ip: str, problems: list[Notice]
) -> Iterator[Address]:
    name, text = asked
    found: dict[object, Address] = {}
    for source, item in [
        *((name, item) for item in _items(text)),
        *([("spec.loadBalancerIP", load_balancer_ip)] if load_balancer_ip else []),
    ]:
        address = parse(item)
        if address is None:
            problems.append(
                _wrong(
                    f"{source} has {_short(item)}, which is no address: write one like "
                    "172.16.110.100 or fd00:110::100."
                )
            )
        elif found.setdefault(family_of(address), address) != address:
            other = found[family_of(address)]
            problems.append(
                _wrong(
                    f"{name} and spec.loadBalancerIP ask for {other} and {address}: write one "
                    f"{family_of(address)} address only."
                    if source != name
                    else f"{name} asks for {other} and {address}: write one address for each "
                    "family."
                )
            )
    yield from found.values()


def _wrong(message: str) -> Notice:
    return Notice(Outcome.INVALID_REQUEST, message)


def _short(text: str) -> str:
    """What somebody wrote, short enough for an Event."""
    limit = 64
    return f'"{text}"' if len(text) <= limit else f'"{text[:limit]}"...'
