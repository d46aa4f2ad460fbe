"""`python -m tests.tour.picture OUTPUT > docs/images/demo.svg`: `make demo` as a picture.

The picture plays like a recording, at a fraction of the time that each step took, and stays as it
is at the end. Where pictures do not move, all of it is there from the start. No script, no font.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

_TITLE = re.compile(r"^ +(\d+) of \d+  (\S.*)$")
_RESULT = re.compile(r"^ {6,}(\S.*?)  \((\d+(?:\.\d+)?) s\)$")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

SPEED = 6
"""The recording goes so many times faster than the demo did."""
LINE, LEFT, TOP = 19, 18, 62
WIDTH = 760

STYLE = """
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre }
  .bar { fill: #94a3b8 } .title { fill: #e2e8f0 } .result { fill: #86efac } .took { fill: #94a3b8 }
  .line { animation: come 0.01s backwards }
  @keyframes come { from { opacity: 0 } }
  @media (prefers-reduced-motion: reduce) { .line { animation: none } }
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the demo: what was done, what was seen, and how many seconds it took."""

    number: int
    title: str
    result: str
    seconds: float


def steps(output: str) -> Iterator[Step]:
    """The steps of a run, from all that it printed."""
    title: re.Match[str] | None = None
    for line in _COLOURS.sub("", output).splitlines():
        if found := _TITLE.match(line):
            title = found
        elif title is not None and (found := _RESULT.match(line)):
            yield Step(int(title[1]), title[2], found[1], float(found[2]))
            title = None


def picture(output: str) -> str:
    """The SVG of a run. Raises ValueError where the output is that of no whole run."""
    seen = list(steps(output))
    if [step.number for step in seen] != list(range(1, len(seen) + 1)) or not seen:
        raise ValueError("this is not what a demo prints that went well to its end")
    parts = [_line(0, 0, '<tspan class="took">$ </tspan><tspan class="title">make demo</tspan>')]
    at = 0.5
    for row, step in enumerate(seen):
        parts.append(_line(1 + 2 * row, at, _title(step, len(seen))))
        at += step.seconds / SPEED
        parts.append(_line(2 + 2 * row, at, _result(step)))
    return _frame("\n".join(parts), height=TOP + LINE * (1 + 2 * len(seen)))


def _title(step: Step, of: int) -> str:
    number = f"{step.number:>2} of {of}  "
    return f'<tspan class="took">{number}</tspan><tspan class="title">{escape(step.title)}</tspan>'


def _result(step: Step) -> str:
    told, took = escape(step.result), f"  ({step.seconds:g} s)"
    return f'<tspan class="result">{" " * 10}{told}</tspan><tspan class="took">{took}</tspan>'


def _line(row: int, at: float, text: str) -> str:
    y = TOP + LINE * row
    where = f'xml:space="preserve" x="{LEFT}" y="{y}" style="animation-delay: {at:.2f}s"'
    return f'  <text class="line" {where}>{text}</text>'


def _frame(body: str, *, height: int) -> str:
    dots = "".join(
        f'<circle cx="{20 + 18 * place}" cy="20" r="6" fill="{colour}"/>'
        for place, colour in enumerate(("#f87171", "#fbbf24", "#4ade80"))
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">
  <title>make demo: a Kubernetes boots, lbctl is installed, and an address survives its node</title>
  <style>{STYLE}  </style>
  <rect width="{WIDTH}" height="{height}" rx="8" fill="#0f172a"/>
  {dots}
{body}
</svg>
"""


def main() -> int:
    sys.stdout.write(picture(Path(sys.argv[1]).read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
