"""Logs: lines for people by default, JSON for machines by a setting; kopf's and aiohttp's too."""

from __future__ import annotations

import logging
import re
import sys
from typing import Literal

import aiohttp
from pythonjsonlogger.json import JsonFormatter

from lbctl.kube.errors import Unavailable

Format = Literal["text", "json"]

_QUIET = {"kopf": logging.WARNING, "asyncio": logging.WARNING, "aiohttp": logging.WARNING}
"""What others log in normal operation is theirs; their warnings are everybody's."""


_LOSSES = (
    Unavailable,
    aiohttp.ClientConnectionError,
    aiohttp.ClientPayloadError,
    ConnectionError,
)
"""What a connection to the API server ends with, or does not begin with."""
_ATTEMPT = re.compile(
    r"Request attempt #(\d+)\S* failed; will retry: \w+ ([^?\s]+)\S* -> (.*)", re.DOTALL
)
"""What kopf says of each attempt of each of its streams."""


def configure(log_format: Format, level: str) -> None:
    """Send all logs to stderr in this format, from this level on (``debug`` to ``error``)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json() if log_format == "json" else _text())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    if root.level > logging.DEBUG:
        handler.addFilter(Losses())
        for name, threshold in _QUIET.items():
            logging.getLogger(name).setLevel(max(threshold, root.level))


class Losses(logging.Filter):
    """Of a connection to the API server that is lost, one line is said, whoever says it.

    API servers restart, and whoever was connected takes it up again: a trace would only tell from
    where in a library the news came. kopf has seven streams and an error for each attempt of each:
    the first is a warning, as that of our own streams is, and the others are left out.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to say it; what is said is shortened."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and _is_loss(error):
            _say(record, f"{record.getMessage()}: {_words(error)}")
        if record.name.startswith("kopf.") and (found := _ATTEMPT.match(record.getMessage())):
            attempt, url, failure = found.groups()
            # kopf says it while it handles the failure, which has better words than its repr.
            words = _words(sys.exc_info()[1]) or failure
            _say(record, f"{url.rpartition('/')[2]}: {words}; trying again")
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            return attempt == "1"
        return True


def _is_loss(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_loss, error.exceptions))
    return isinstance(error, _LOSSES)


def _words(error: BaseException | None) -> str:
    """An exception in words, also one that groups others or has none."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(map(_words, error.exceptions)))
    return "" if error is None else str(error) or type(error).__name__


def _say(record: logging.LogRecord, message: str) -> None:
    """Replace what a record says by one line without a trace."""
    record.msg, record.args = " ".join(message.split()), ()
    record.exc_info = record.exc_text = None


def _text() -> logging.Formatter:
    return logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")


def _json() -> logging.Formatter:
    formatter: logging.Formatter = JsonFormatter(
        "%(asctime)s %(levelname)s %(name)s %(message)s",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    return formatter
