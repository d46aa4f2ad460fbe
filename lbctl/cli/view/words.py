"""How times, numbers and sentences are written for people."""

from __future__ import annotations

from collections.abc import Iterable


def sentence(text: str) -> str:
    """With a capital at its beginning and a stop at its end."""
    ended = text if text.endswith((".", "!", "?")) else f"{text}."
    return ended[0].upper() + ended[1:]


def duration(seconds: float) -> str:
    """A length of time, in the largest unit that leaves two or more, as kubectl writes ages."""
    whole = max(0, round(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= 2 * size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def count(number: int, word: str, words: str = "") -> str:
    """A number and its noun."""
    return f"{number} {word if number == 1 else words or word + 's'}"


def listed(names: Iterable[str], word: str = "and") -> str:
    """Names as a sentence has them."""
    *first, last = [*names] or [""]
    return f"{', '.join(first)} {word} {last}" if first else last
