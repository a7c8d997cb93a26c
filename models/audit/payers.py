"""Whose money each term is, as the audits of resource classes and markets say: no term may be without one."""

from collections.abc import Iterator, Mapping

from models.audit.markets.registry import MARKETS
from models.audit.protocols import Payer
from models.audit.resources.registry import CLASSES
from models.case import Case

BROUGHT_FORWARD = "brought forward"
"""The term that debits what the Period before credited for what it left"""


def payers(case: Case) -> dict[str, Payer]:
    """Return term → whose money it is. Raises ValueError where two audits disagree about a term."""
    found = {BROUGHT_FORWARD: Payer.NEXT_PERIOD}
    for said in _said(case):
        for term, payer in said.items():
            if found.setdefault(term, payer) is not payer:
                raise ValueError(f"the term {term!r} is {found[term].value} and {payer.value}: audits disagree")
    return found


def _said(case: Case) -> Iterator[Mapping[str, Payer]]:
    yield from (of_class.payers for of_class in CLASSES)
    yield from (market.payers(case) for market in MARKETS if market.payers is not None)
