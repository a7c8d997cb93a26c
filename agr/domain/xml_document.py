"""Parses XML that others have written: no document type, no entities, nothing loaded. UFTP has a parser of its own."""

from lxml import etree


class XmlError(ValueError):
    """A text is not XML that is read; says what it does, to be written behind a subject."""


def parse_xml(content: bytes, *, blanks: bool = True) -> etree._Element:
    """Return the root of a document, without `blanks` between elements if they are not wanted. Raises XmlError."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=not blanks
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlError(f"is not an XML document ({error})") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlError("declares a document type, which is refused")
    return root
