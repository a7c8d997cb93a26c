"""Reads hostile XML into plain nested mappings: no DTD, no entities, no network, no text, bounded in every direction.

An element becomes {attribute: text, child element's name: [children]}. Peers may declare namespaces, point at a
schema location and name an element's type in the schema; all are ignored. Raises MessageError, which never repeats
what the peer wrote.

The parser is Expat, not lxml: libxml2 keeps every name that it ever read in a dictionary of the thread, which is never
freed. Anybody could fill our memory with made-up names, one refused message after the other.
"""

import re
from typing import TypeAlias, Union
from xml.parsers import expat

from agr.domain.errors import MessageError

Element: TypeAlias = dict[str, Union[str, list["Element"]]]  # noqa: UP007 - a forward reference

MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 8
MAX_ATTRIBUTE = 65_536
MAX_TOKEN = 1024 * 1024
"""Most bytes of one tag or comment: expat scans an unfinished one again with every chunk."""

_CHUNK = 128 * 1024
_DECLARED = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]*)["']""")
_SCHEMA_HINTS = (
    "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation",
    "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation",
    "{http://www.w3.org/2001/XMLSchema-instance}type",
)


class _Tree:
    """The parser's handlers: they build the mappings and refuse what UFTP never has."""

    def __init__(self, max_attribute: int) -> None:
        self._max_attribute = max_attribute
        self._open: list[Element] = []
        self.root = ""
        self.content: Element = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle the beginning of an element."""
        if len(self._open) >= MAX_DEPTH:
            raise MessageError(f"elements are nested deeper than {MAX_DEPTH}")
        element: Element = {}
        for name, value in attributes.items():
            if len(value) > self._max_attribute:
                raise MessageError(f"an attribute is longer than {self._max_attribute} characters")
            if _written(name) not in _SCHEMA_HINTS:
                element[_written(name)] = value
        tag = _written(tag)
        if self._open:
            siblings = self._open[-1].setdefault(tag, [])
            if isinstance(siblings, str):
                raise MessageError("an element and an attribute have the same name")
            siblings.append(element)
        else:
            self.root, self.content = tag, element
        self._open.append(element)

    def end(self, _tag: str) -> None:
        """Handle the end of an element."""
        self._open.pop()

    def data(self, data: str) -> None:
        """Handle character data: only white space may stand between elements."""
        if data.strip(" \t\r\n"):
            raise MessageError("text between elements; UFTP has attributes only")

    def doctype(self, *_: object) -> None:
        """Never reached: the bytes are searched for a document type before anything is parsed."""
        raise MessageError("has a document type definition; UFTP has none")


def _written(name: str) -> str:
    """Return a name with its namespace as {namespace}name."""
    return "{" + name if "}" in name else name


def read(xml: bytes, *, max_bytes: int = MAX_BYTES, max_attribute: int = MAX_ATTRIBUTE) -> tuple[str, Element]:
    """Return the root element's name and content. Raises MessageError."""
    _check_bytes(xml, max_bytes)
    tree = _Tree(max_attribute)
    parser = expat.ParserCreate("utf-8", "}")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = tree.data, tree.doctype
    try:
        for start in range(0, len(xml), _CHUNK):
            parser.Parse(xml[start : start + _CHUNK], False)
            if start + _CHUNK - parser.CurrentByteIndex > MAX_TOKEN:
                raise MessageError(f"a tag, comment or the like is longer than {MAX_TOKEN} bytes")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise MessageError(f"not well-formed XML at line {error.lineno}, column {error.offset + 1}") from None
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
