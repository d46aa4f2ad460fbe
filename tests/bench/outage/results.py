"""Results are kept as they come, one JSON line for each trial: a trial is done once."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.conditions import ROOT
from tests.bench.outage.faults import Fault
from tests.bench.outage.figures import Figures

FOLDER = ROOT / "build" / "bench-failover"


@dataclass(frozen=True, slots=True)
class Row:
    """One trial.

    Attributes:
        fault: what went wrong.
        number: from 1.
        figures: None when the trial did not come to an end.
        error: why not.
        caused: seconds that causing the fault took; part of every figure.
        operator: whether the node carried the active operator.
        changed_later: how often the announcing MAC changed while the fault was undone: nothing is
            to move then.
        client_late: the longest that the client overslept, in seconds.
        load: of the machine, over the last minute (proc_loadavg(5)).
        revision: the commit.
        at: when, in UTC.
    """

    fault: Fault
    number: int
    figures: Figures | None
    error: str
    caused: float
    operator: bool
    changed_later: int
    client_late: float
    load: float
    revision: str
    at: str

    @classmethod
    def read(cls, line: str) -> "Row":
        found: dict[str, Any] = json.loads(line)
        figures, fault = found.pop("figures"), Fault(found.pop("fault"))
        if figures is None:
            return cls(fault=fault, figures=None, **found)
        failed_at = tuple(figures.pop("failed_at", ()))
        return cls(fault=fault, figures=Figures(**figures, failed_at=failed_at), **found)


def load(fault: Fault, folder: Path = FOLDER) -> list[Row]:
    """What is known of a fault; none when nothing was measured."""
    path = folder / f"{fault}.jsonl"
    return [Row.read(line) for line in path.read_text().splitlines()] if path.exists() else []


def load_all(folder: Path = FOLDER) -> dict[Fault, list[Row]]:
    return {fault: load(fault, folder) for fault in Fault}


def keep(row: Row, folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{row.fault}.jsonl").open("a") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def evidence(fault: Fault, number: int, text: str, folder: Path = FOLDER) -> None:
    """Keep what was said around a trial that broke a promise."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{fault}-{number}.log").write_text(text)


def forget(faults: Iterable[Fault], folder: Path = FOLDER) -> None:
    """Begin anew with these."""
    for fault in faults:
        (folder / f"{fault}.jsonl").unlink(missing_ok=True)
