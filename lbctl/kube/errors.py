"""What the API server can answer besides success, as one small tree.

::

    ApiError
    ├── NotFound        404: no such object (or no such kind: its CRD is not installed)
    ├── AlreadyExists   409: somebody created this name first
    ├── Conflict        409: the object changed since it was read, or is not the one that was meant
    ├── Expired         410: the resourceVersion is too old to watch from; list again
    ├── Forbidden       401, 403: the credentials do not allow it
    ├── Invalid         400, 422: the server refuses what was written
    └── Unavailable     429, 5xx, no connection, no answer in time: ask again later

The mapping follows ``Status.reason`` of the API conventions before the HTTP code, since 409 has two
meanings that callers treat in opposite ways.
"""

# ruff: noqa: N818 - these are named after the reasons of the Kubernetes API conventions
from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer of the API server that is not success, with the server's own sentence."""

    def __init__(self, message: str, *, code: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class NotFound(ApiError):
    """The object does not exist (any more), or its kind is not served."""


class AlreadyExists(ApiError):
    """The name is taken. For a VirtualIP: somebody else owns this address."""


class Conflict(ApiError):
    """A precondition failed: the object's resourceVersion or uid is not the one that was read."""


class Expired(ApiError):
    """The history that a watch wanted to go on from has been compacted."""


class Forbidden(ApiError):
    """The credentials are missing, outdated or not allowed to do this."""


class Invalid(ApiError):
    """The server refuses the object itself. Repeating the same write cannot help."""


class Unavailable(ApiError):
    """Nobody can tell now: overload, a server that is away, or silence until the timeout.

    A write that ends like this may have happened. Callers read the world again
    before they repeat it.
    """

    def __init__(
        self, message: str, *, code: int = 0, reason: str = "", retry_after: float = 0.0
    ) -> None:
        super().__init__(message, code=code, reason=reason)
        self.retry_after = retry_after


_BY_REASON: dict[str, type[ApiError]] = {
    "NotFound": NotFound,
    "AlreadyExists": AlreadyExists,
    "Conflict": Conflict,
    "Expired": Expired,
    "Gone": Expired,
    "Forbidden": Forbidden,
    "Unauthorized": Forbidden,
    "Invalid": Invalid,
    "BadRequest": Invalid,
}
_BY_CODE: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
}
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


def from_status(status: dict[str, Any], *, code: int, retry_after: float = 0.0) -> ApiError:
    """Make the error that a ``meta/v1 Status`` stands for, or a bare HTTP code without one."""
    code = int(status.get("code") or code)
    reason = str(status.get("reason") or "")
    message = str(status.get("message") or f"HTTP {code}")
    known = _BY_REASON.get(reason) or _BY_CODE.get(code)
    if known is not None:
        return known(message, code=code, reason=reason)
    if code == _TOO_MANY_REQUESTS or code >= _SERVER_ERRORS:
        return Unavailable(message, code=code, reason=reason, retry_after=retry_after)
    return ApiError(message, code=code, reason=reason)
