"""Sphinx's settings. Everything is local: no font, script or inventory of another host."""

from pathlib import Path

project = "lbctl"
author = "The lbctl authors"
project_copyright = "The lbctl authors"

extensions = ["myst_parser"]
root_doc = "README"
exclude_patterns = ["extra"]
html_extra_path = [str(Path(__file__).parents[2] / "build" / "pages" / "extra")]
html_theme = "furo"
html_title = "lbctl"
html_copy_source = False
html_show_sphinx = False

# Anchors as GitHub makes them, so that one link serves both.
myst_heading_anchors = 4
nitpicky = True
# Whether code is well-formed is asked by tests/site/blocks.py; Pygments' guesses are only colours.
suppress_warnings = ["misc.highlighting_failure"]
