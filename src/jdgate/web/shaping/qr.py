"""Pictures drawn for one page, as SVG that stands in it: no style, no address, nothing fetched."""

from __future__ import annotations

import segno
from markupsafe import Markup

QUIET = 4
"""Modules of white around a code (ISO/IEC 18004 §6.3.8)."""


def qr(text: str) -> Markup:
    """A QR code for a phone to read, always dark on white. It is as large as its class says."""
    drawn = segno.make_qr(text, error="m").svg_inline(
        border=QUIET, omitsize=True, dark="#000", light="#fff", lineclass=None, svgclass="qr"
    )
    return Markup(drawn)  # noqa: S704 - made of numbers alone
