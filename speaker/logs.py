"""Logging of the speaker's processes: one line each, for people or for machines."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Final

_TEXT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


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


def configure() -> None:
    """Log to stderr as LBCTL_LOG_FORMAT (text, json) and LBCTL_LOG_LEVEL say.

    Raises:
        ValueError: the level is unknown.
    """
    handler = logging.StreamHandler(sys.stderr)
    as_json = os.environ.get("LBCTL_LOG_FORMAT", "text") == "json"
    handler.setFormatter(JsonLines() if as_json else logging.Formatter(_TEXT))
    level = os.environ.get("LBCTL_LOG_LEVEL", "info").upper()
    logging.basicConfig(level=level, handlers=[handler])
