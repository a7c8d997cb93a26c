"""The schemas that the Shapeshifter project publishes: what messages are held against, independent of our codec."""

from functools import cache
from pathlib import Path

from lxml import etree

FOLDER = Path(__file__).parents[1] / "uftp" / "schemas"


@cache
def schema(version: str = "3.1.0", name: str = "UFTP-agr") -> etree.XMLSchema:
    """Read a schema of the specification. Raises OSError if the version has no such file."""
    return etree.XMLSchema(file=str(FOLDER / version / f"{name}.xsd"))
