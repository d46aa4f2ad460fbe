"""What counts as a lost request: each row of the table is one sentence of docs/upgrading.md."""

import pytest

from tests.bench.outage.figures import Request
from tests.e2e.asking import Seen

MOVE = 10.0

ROWS: list[tuple[str, list[Request], list[float], int]] = [
    ("what was open while the address moved may be reset", [Request(9.99, 10.01, "ECONNRESET")],
     [MOVE], 0),
    ("as many as were open", [Request(9.99, 10.01, "ECONNRESET")] * 3, [MOVE], 0),
    ("in any of the moves", [Request(9.99, 10.01, "ECONNRESET")], [5.0, MOVE], 0),
    ("but not without a move", [Request(9.99, 10.01, "ECONNRESET")], [], 1),
    ("nor just before it", [Request(9.99, 9.998, "ECONNRESET")], [MOVE], 1),
    ("nor what began just after it", [Request(10.002, 10.01, "ECONNRESET")], [MOVE], 1),
    ("silence is no reset", [Request(9.99, 12.0, "TimeoutError")], [MOVE], 1),
    ("a refusal is none either", [Request(9.99, 10.01, "ECONNREFUSED")], [MOVE], 1),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "failed", "moves", "lost"), ROWS, ids=[r[0] for r in ROWS])
def test_what_is_lost(sentence: str, failed: list[Request], moves: list[float], lost: int) -> None:
    seen = Seen("172.16.0.1", 100, failed, gap=0.1, moves=moves, seconds=20.0)

    assert len(seen.lost) == lost, sentence
