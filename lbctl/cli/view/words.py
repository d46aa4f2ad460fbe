"""How times, numbers and sentences are written for people."""

from __future__ import annotations

from collections.abc import Iterable


def sentence(text: str) -> str:
    """With a stop at its end and, where it begins with a word, a capital."""
    ended = text if text.endswith((".", "!", "?")) else f"{text}."
    first = ended.split()[0].rstrip(",.:;")
    # rp_filter, eth0 and 02:00:00:00:00:99 are no words.
    return ended[0].upper() + ended[1:] if first.isalpha() else ended


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


def there(names: Iterable[str]) -> str:
    """What there is, where something is asked for that is not."""
    known = sorted(names)
    match known:
        case []:
            return "there is none"
        case [only]:
            return f"there is only {only}"
        case _:
            return f"there are {listed(known)}"
