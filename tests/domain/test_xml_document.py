"""One hardened parser reads all XML that others have written; the rest of agr has none."""

import ast
from pathlib import Path

import pytest

import agr
from agr.domain.xml_document import XmlError, parse_xml

ROOT = Path(agr.__file__).parent
PARSERS = {"domain/xml_document.py": "feeds and downloads", "uftp/xml_parser.py": "UFTP"}
PARSING = {"XMLParser", "fromstring", "XML", "iterparse", "parseString", "ParserCreate", "XMLPullParser", "HTMLParser"}
MODULES = ("xml.", "lxml.objectify", "lxml.html", "defusedxml", "xmltodict", "bs4")


def parses_in(source: str) -> set[str]:
    """Return the names of calls and imports by which a module parses XML itself."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in PARSING:
            found.add(node.attr)
        if isinstance(node, ast.Attribute) and node.attr == "parse" and ast.unparse(node.value).endswith("etree"):
            found.add("parse")
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names if one.name.startswith(MODULES)}
        if isinstance(node, ast.ImportFrom):
            module = f"{node.module}."
            found |= {module for _ in node.names if module.startswith(MODULES)}
            found |= {one.name for one in node.names if module.startswith("lxml") and one.name in PARSING | {"parse"}}
    return found


def test_every_parse_of_xml_goes_through_the_two_parsers():
    # the demo's counterparties share no code with the daemon
    files = [file for file in ROOT.rglob("*.py") if "demo/parties" not in file.as_posix()]
    own = {file.relative_to(ROOT).as_posix() for file in files if parses_in(file.read_text(encoding="utf-8"))}
    assert own == set(PARSERS)


@pytest.mark.parametrize(
    "line",
    [
        "etree.fromstring(b'')", "lxml.etree.parse(file)", "from xml.etree import ElementTree",
        "import xml.dom.minidom", "from lxml.etree import fromstring", "etree.XMLParser()", "etree.iterparse(file)",
    ],
)  # fmt: skip
def test_a_parse_elsewhere_would_be_seen(line):
    assert parses_in(line)


def test_writing_xml_and_parsing_other_things_is_no_parse_of_xml():
    assert not parses_in("from lxml import etree\nurllib.parse.quote(a)\netree.SubElement(b, 'c')\njson.parse(d)")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is not an XML document"),
        (b"<a>", "is not an XML document"),
        (b"<!DOCTYPE a><a/>", "declares a document type"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "declares a document type"),
        (b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "declares a document type"),
        (b"<a>" + b"<b>" * 300 + b"</b>" * 300 + b"</a>", "is not an XML document"),
    ],
)
def test_what_others_could_attack_with_is_refused(content, what):
    with pytest.raises(XmlError, match=what):
        parse_xml(content)


def test_blanks_between_elements_go_only_when_asked():
    assert parse_xml(b"<a> <b/></a>").text == " "
    assert parse_xml(b"<a> <b/></a>", blanks=False).text is None
