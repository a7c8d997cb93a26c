"""Reads hostile XML into plain nested mappings: no DTD, no entities, no network, no text, bounded in every direction.

An element becomes {attribute: text, child element's name: [children]}. Peers may declare namespaces and point at a
schema location; both are ignored. Raises MessageError, which never repeats what the peer wrote.
"""

import re
from typing import TypeAlias, Union, cast

from lxml import etree

from agr.errors import MessageError

Element: TypeAlias = dict[str, Union[str, list["Element"]]]  # noqa: UP007 - a forward reference

MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 8
MAX_ATTRIBUTE = 65_536

_DECLARED = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]*)["']""")
_SCHEMA_HINTS = (
    "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation",
    "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation",
)


class _Tree:
    """The parser's target: builds the mappings, refuses what UFTP never has."""

    def __init__(self, max_attribute: int) -> None:
        self._max_attribute = max_attribute
        self._open: list[Element] = []
        self.root = ""
        self.content: Element = {}

    def start(self, tag: str, attrib: dict[str, str]) -> None:
        """An element begins."""
        if len(self._open) >= MAX_DEPTH:
            raise MessageError(f"elements are nested deeper than {MAX_DEPTH}")
        element: Element = {}
        for name, value in attrib.items():
            if len(value) > self._max_attribute:
                raise MessageError(f"an attribute is longer than {self._max_attribute} characters")
            if name not in _SCHEMA_HINTS:
                element[name] = value
        if self._open:
            siblings = self._open[-1].setdefault(tag, [])
            if isinstance(siblings, str):
                raise MessageError("an element and an attribute have the same name")
            siblings.append(element)
        else:
            self.root, self.content = tag, element
        self._open.append(element)

    def end(self, tag: str) -> None:
        """An element ends."""
        self._open.pop()

    def comment(self, text: str) -> None:
        """Comments say nothing."""

    def data(self, data: str) -> None:
        """Character data: only white space may stand between elements."""
        if data.strip(" \t\r\n"):
            raise MessageError("text between elements; UFTP has attributes only")

    def close(self) -> None:
        """The document ends; lxml checks that every element did."""


def read(xml: bytes, *, max_bytes: int = MAX_BYTES, max_attribute: int = MAX_ATTRIBUTE) -> tuple[str, Element]:
    """Return the root element's name and content. Raises MessageError."""
    _check_bytes(xml, max_bytes)
    tree = _Tree(max_attribute)
    parser = etree.XMLParser(
        target=cast("etree.ParserTarget", tree),
        encoding="utf-8",
        # False would leave &amp; half read in a target; without a DTD there are only XML's own five
        resolve_entities="internal",  # type: ignore[arg-type]
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        recover=False,
        huge_tree=True,  # lifts libxml2's 10 MB per attribute; our own bounds hold instead
    )
    try:
        parser.feed(xml)
        parser.close()
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise MessageError(f"not well-formed XML at line {line}, column {column}") from None
    return tree.root, tree.content


def _check_bytes(xml: bytes, max_bytes: int) -> None:
    """Refuse by the bytes alone: too large, not UTF-8, NUL, any DTD (whose only beginning is <!DOCTYPE)."""
    if len(xml) > max_bytes:
        raise MessageError(f"larger than {max_bytes} bytes")
    if b"\x00" in xml:
        raise MessageError("contains NUL; expected UTF-8 text")
    try:
        xml.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MessageError(f"not UTF-8 at byte {error.start}") from None
    declared = _DECLARED.match(xml.removeprefix(b"\xef\xbb\xbf"))
    if declared is not None and declared[1].lower() != b"utf-8":
        raise MessageError("declares an encoding other than UTF-8")
    if b"<!DOCTYPE" in xml:
        raise MessageError("has a document type definition; UFTP has none")
