"""Runs the XML parts of a workbook through expat, in chunks and without surprises.

Rules
- A DTD is refused, so no entity is ever declared, and none expands.
- Bad XML, and bad numbers in it, are one refusal: `files.damaged`.

    parse(archive, "xl/workbook.xml", start)
"""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat

from jdgate.errors import Refused
from jdgate.files.archive import CHUNK, Archive

Attributes = dict[str, str]


def parse(
    archive: Archive,
    part: str,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    chars: Callable[[str], None] | None = None,
) -> None:
    """Runs one small part through expat; tags arrive without their namespace prefix."""
    archive.check(part)
    parser = new_parser()
    parser.StartElementHandler = lambda tag, attributes: start(local(tag), attributes)
    if end is not None:
        parser.EndElementHandler = lambda tag: end(local(tag))
    if chars is not None:
        parser.CharacterDataHandler = chars
    with archive.stream(part) as stream:
        while chunk := stream.read(CHUNK):
            feed(parser, chunk)
    feed(parser, b"", final=True)


def new_parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise Refused("files.damaged")

    parser.StartDoctypeDeclHandler = refuse
    return parser


def feed(parser: expat.XMLParserType, chunk: bytes, final: bool = False) -> None:
    try:
        parser.Parse(chunk, final)
    except (expat.ExpatError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise Refused("files.damaged") from error


def local(tag: str) -> str:
    return tag.rpartition(":")[2]


def attribute(attributes: Attributes, name: str) -> str:
    """The attribute `name` whatever its prefix."""
    for key, value in attributes.items():
        if local(key) == name:
            return value
    return ""
