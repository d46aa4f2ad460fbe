"""Logging: for people and machines, and never at the cost of an answer."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from speaker.logs import ImpatientHandler, JsonLines

PATIENCE = 60
TALKER = """
import logging, sys
from speaker import logs
logs.configure()
for number in range(int(sys.argv[1])):
    logging.getLogger("speaker.wire").info("%s is held now, said at some length", number)
print("done")
"""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


def said(handler: ImpatientHandler, message: str) -> None:
    handler.emit(logging.makeLogRecord({"msg": message, "levelname": "INFO"}))


def test_a_log_that_nobody_reads_holds_nobody_up(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    handler = ImpatientHandler(writing)
    for number in range(20_000):
        said(handler, f"line {number}")
    assert handler.dropped > 0

    first = os.read(reading, 1 << 20).decode().splitlines()
    missing = handler.dropped
    said(handler, "read again")

    assert first[0] == "line 0"
    after = os.read(reading, 1 << 20).decode().splitlines()
    assert after == [f"{missing} lines are missing here: the log was not read", "read again"]
    assert len(first) + missing == 20_000
    assert os.get_blocking(writing), "the descriptor is others' as well"


def test_a_process_ends_its_work_though_its_pipe_is_full() -> None:
    talker = subprocess.Popen(
        [sys.executable, "-c", TALKER, "5000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert talker.stdout is not None

    assert talker.stdout.read() == b"done\n"

    talker.communicate(timeout=PATIENCE)


def test_a_line_that_is_longer_than_the_kernel_writes_at_once(pipe: tuple[int, int]) -> None:
    reading, writing = pipe

    said(ImpatientHandler(writing), "x" * 10_000)

    assert os.read(reading, 1 << 20) == b"x" * 10_000 + b"\n"


def test_machines_get_objects_and_a_full_pipe_is_told_in_one(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    handler = ImpatientHandler(writing)
    handler.setFormatter(JsonLines())
    handler.dropped = 7

    said(handler, "a word")

    lines = [json.loads(line) for line in os.read(reading, 1 << 20).splitlines()]
    assert [(line["level"], line["message"].split()[0]) for line in lines] == [
        ("warning", "7"), ("info", "a"),
    ]  # fmt: skip


def test_a_level_that_does_not_exist_is_named_and_the_usual_one_is_used() -> None:
    environment = {**os.environ, "LBCTL_LOG_LEVEL": "loud"}
    talker = subprocess.run(
        [sys.executable, "-c", TALKER, "1"],
        check=True, env=environment, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip

    first, second = talker.stderr.splitlines()
    assert "LBCTL_LOG_LEVEL is 'loud': write one of debug, info" in first
    assert "0 is held now" in second
