"""The picture of the demo is drawn from what a run printed, and shows all of it."""

from xml.dom import minidom

import pytest

from tests.pages import ROOT
from tests.tour.__main__ import STEPS
from tests.tour.picture import Step, picture, steps

IMAGES = ROOT / "docs" / "images"
OUTPUT = (IMAGES / "demo.txt").read_text(encoding="utf-8")


def test_the_picture_is_that_of_the_recorded_run() -> None:
    assert (IMAGES / "demo.svg").read_text(encoding="utf-8") == picture(OUTPUT)


def test_a_run_has_all_steps_of_the_tour() -> None:
    assert len([*steps(OUTPUT)]) == STEPS


def test_steps_are_read_whatever_stands_around_them() -> None:
    before = "\x1b[1m[4 of 4] the tour\x1b[0m  (4 min)\n\n"
    printed = "   1 of 1  boot <it>\n           3 nodes  (1.5 s)\n"
    assert [*steps(before + printed)] == [Step(1, "boot <it>", "3 nodes", 1.5)]


def test_a_picture_is_xml_that_loads_nothing() -> None:
    drawn = picture(OUTPUT)
    root = minidom.parseString(drawn).documentElement  # noqa: S318 - our own text
    assert root is not None
    assert root.tagName == "svg"
    assert "<script" not in drawn
    assert "href" not in drawn


@pytest.mark.parametrize("output", ["", "   2 of 3  late\n           seen  (1 s)\n"])
def test_a_run_that_is_not_whole_makes_no_picture(output: str) -> None:
    with pytest.raises(ValueError, match="well to its end"):
        picture(output)
