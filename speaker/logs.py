"""Logging of the speaker's processes: one line each, for people or for machines.

A line is never waited for. Standard error is a pipe of 64 kB that the container runtime empties
when it gets round to it; a node that takes two thousand addresses fills it, and one whose runtime
is being upgraded has nobody at the other end. A wire that waits there is dead to its partners. So a
line that does not fit is dropped, and the next one that does says how many were.
"""

import json
import logging
import os
import select
import sys
from datetime import UTC, datetime
from typing import Final

_TEXT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_PIPE_BYTES: Final = 4096
"""PIPE_BUF of pipe(7): so much is written whole or not at all."""


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class ImpatientHandler(logging.Handler):
    """Writes to a file descriptor, and drops what does not fit.

    Args:
        descriptor: where to write; it stays open and as it is.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.dropped = 0
        """Lines since the last one that was written."""
        try:
            # A description of our own: the flag on the inherited one would be our parent's too.
            flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
            self._descriptor = os.open(f"/proc/self/fd/{descriptor}", flags)
        except OSError:
            self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, or count it as dropped."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001  # as in every handler: a bad record ends no process
            self.handleError(record)
            return
        if self.dropped and self._write(self._confession()):
            self.dropped = 0
        if self.dropped or not self._write(line):
            self.dropped += 1

    def _confession(self) -> str:
        told = f"{self.dropped} lines are missing here: the log was not read"
        fields = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": told}
        return self.format(logging.makeLogRecord(fields))

    def _write(self, line: str) -> bool:
        """Whether the line was written; of a long one, as much as fits."""
        data = line.encode(errors="backslashreplace") + b"\n"
        for at in range(0, len(data), _PIPE_BYTES):
            try:
                if not select.select((), (self._descriptor,), (), 0)[1]:
                    return bool(at)
                os.write(self._descriptor, data[at : at + _PIPE_BYTES])
            except (OSError, ValueError):
                return bool(at)
        return True


def configure() -> None:
    """Log to stderr as LBCTL_LOG_FORMAT (text, json) and LBCTL_LOG_LEVEL say."""
    handler = ImpatientHandler(sys.stderr.fileno())
    as_json = os.environ.get("LBCTL_LOG_FORMAT", "text") == "json"
    handler.setFormatter(JsonLines() if as_json else logging.Formatter(_TEXT))
    asked = os.environ.get("LBCTL_LOG_LEVEL", "info")
    level = asked.lower() if asked.lower() in _LEVELS else "info"
    logging.basicConfig(level=level.upper(), handlers=[handler])
    if level != asked.lower():
        known = ", ".join(_LEVELS)
        logging.getLogger(__name__).error("LBCTL_LOG_LEVEL is %r: write one of %s", asked, known)
