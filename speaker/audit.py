"""Asks the LAN who has some addresses, and prints each MAC that answers: `python -m speaker.audit`.

`lbctl audit` starts it in the speaker's container through the API server, so nothing on the node
has to listen for it. It is a process of its own, and ends: the wire is not troubled. One line of
JSON comes in on stdin, one goes out on stdout; what is wrong with the line itself goes to stderr.

The questions are ordinary ones, with the node's own address as the sender. A probe (RFC 5227, RFC
4862) would ask as well, but speakers probe when they want to take an address.
"""

import json
import selectors
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from speaker.wire.families import FAMILIES, Family
from speaker.wire.neighbors import Heard, family_of, packed, show_mac
from speaker.wire.sockets import FRAME_BUFFER_BYTES, PacketSocket

ROUNDS: Final = 3
"""Who did not answer is asked so often: a frame may be lost."""

PATIENCE_SECONDS: Final = 0.5
"""How long a round waits for answers after its last question."""

PAUSE_SECONDS: Final = 1 / 200
"""Between two questions: as the wire's own standbys pace theirs."""

_USAGE: Final = 2


class BadQuestionError(ValueError):
    """The line says nothing that can be asked."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who has `address`? Asked on one interface."""

    address: str
    interface: str
    source: str
    """The node's own address there, of the same family: the sender."""


@dataclass(slots=True)
class Report:
    """What the LAN said."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    """The MACs that said they have it, by address; none when it was asked for and nobody did."""
    unasked: dict[str, str] = field(default_factory=dict)
    """Why an address could not be asked for."""


def questions_of(line: str) -> tuple[Question, ...]:
    """Read the line. Raises BadQuestionError."""
    try:
        rows: list[dict[str, Any]] = json.loads(line)["questions"]
        found = tuple(Question(**row) for row in rows)
        for one in found:
            packed(one.address), packed(one.source)
            if family_of(one.address) is not family_of(one.source):
                raise BadQuestionError(f"{one.source} cannot ask for {one.address}")
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise BadQuestionError(f"no questions: {error}") from error
    return found


def ask(questions: Collection[Question], *, clock: Callable[[], float] = time.monotonic) -> Report:
    """Ask each question until somebody answers, and listen for whoever else does."""
    report = Report()
    lines = _Lines(questions, report, clock)
    try:
        for _ in range(ROUNDS):
            silent = [one for one in lines.asked if not report.answers[one.address]]
            if silent:
                lines.round(silent)
    finally:
        lines.close()
    return report


class _Lines:
    """A socket for each interface and family, and what comes in by it."""

    def __init__(
        self, questions: Iterable[Question], report: Report, clock: Callable[[], float]
    ) -> None:
        self._report = report
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._open: dict[tuple[str, Family], PacketSocket] = {}
        self._buffer = bytearray(FRAME_BUFFER_BYTES)
        self._addresses: dict[bytes, str] = {}
        self.asked: list[Question] = []
        for one in questions:
            try:
                self._socket(one)
            except OSError as error:
                report.unasked[one.address] = f"{one.interface}: {error.strerror or error}"
                continue
            self._addresses[packed(one.address)] = one.address
            report.answers[one.address] = []
            self.asked.append(one)

    def round(self, questions: Iterable[Question]) -> None:
        """Send these questions, paced, and listen until all had their time to be answered."""
        for one in questions:
            opened, build = self._socket(one), FAMILIES[family_of(one.address)].question
            opened.send(build(opened.mac, packed(one.source), packed(one.address)))
            self._listen(PAUSE_SECONDS)
        self._listen(PATIENCE_SECONDS)

    def close(self) -> None:
        self._selector.close()
        for one in self._open.values():
            one.close()

    def _socket(self, question: Question) -> PacketSocket:
        family = FAMILIES[family_of(question.address)]
        key = question.interface, family
        if key not in self._open:
            self._open[key] = opened = family.open(question.interface)
            self._selector.register(opened, selectors.EVENT_READ, (opened, family))
        return self._open[key]

    def _listen(self, seconds: float) -> None:
        end = self._clock() + seconds
        while (left := end - self._clock()) > 0:
            for key, _ in self._selector.select(left):
                for heard in self._received(*key.data):
                    self._note(heard)

    def _received(self, opened: PacketSocket, family: Family) -> Iterator[Heard]:
        try:
            while (frame := opened.receive_into(self._buffer)) is not None:
                heard = family.read(self._buffer, *frame, opened.mac)
                if isinstance(heard, Heard):
                    yield heard
        except OSError as error:
            self._lost(opened.name, error)

    def _lost(self, interface: str, error: OSError) -> None:
        """The interface went down: that nobody answered by it means nothing."""
        for one in [one for one in self.asked if one.interface == interface]:
            self._report.unasked[one.address] = f"{interface}: {error.strerror or error}"
            self._report.answers.pop(one.address, None)
            self.asked.remove(one)
            self._addresses.pop(packed(one.address), None)

    def _note(self, heard: Heard) -> None:
        """Whoever names an address as the sender says that it is there, in a question too."""
        address = self._addresses.get(heard.sender)
        if (
            address is not None
            and (mac := show_mac(heard.mac)) not in self._report.answers[address]
        ):
            self._report.answers[address].append(mac)


def main() -> int:
    """Answer one line of stdin. Returns the exit code."""
    try:
        questions = questions_of(sys.stdin.readline())
    except BadQuestionError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE
    report = ask(questions)
    sys.stdout.write(json.dumps({"answers": report.answers, "unasked": report.unasked}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
