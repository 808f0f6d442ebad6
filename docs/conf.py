"""Sphinx: `make docs` builds the pages as HTML that works offline."""

from __future__ import annotations

import re
from pathlib import Path

project = "jdgate"
copyright = "2026, the jdgate authors"
release = re.search(
    r'__version__ = "([^"]+)"',
    (Path(__file__).parents[1] / "src" / "jdgate" / "__init__.py").read_text("utf-8"),
)[1]
version = release

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "decisions/0000-template.md"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# links to files beside the pages (scripts, test vectors) are copied next to them
nitpicky = True

html_theme = "furo"
html_title = f"jdgate {release}"
html_show_sphinx = False
html_copy_source = False
# Nothing is fetched from another host: no web font, no analytics, no CDN.
html_theme_options = {
    "light_css_variables": {"font-stack": "system-ui, 'Noto Sans CJK SC', sans-serif"},
    "dark_css_variables": {"font-stack": "system-ui, 'Noto Sans CJK SC', sans-serif"},
}
# output in console blocks is any text, an apostrophe included
suppress_warnings = ["misc.highlighting_failure"]
