"""Reads numbers as people and programs write them; a number that can mean two values is refused. Pure."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

_EMPTY = {"", "-", "–", "—", "n/e", "n/a", "na", "nan", "null", "none", "#n/a"}
_SPACES = "\xa0\u202f\u2009\u2007 "
_GROUPED = re.compile(rf"[+-]?\d{{1,3}}(?:(?:[{_SPACES}]\d{{3}})+|(?:['’]\d{{3}})+)(?:[.,]\d+)?")
_BOTH = re.compile(r"[+-]?\d{1,3}(?:(?:\.\d{3})+,|(?:,\d{3})+\.)\d*")
_ONE = re.compile(r"([+-]?)(\d*)([.,])(\d*)(e[+-]?\d+)?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+(?:e[+-]?\d+)?", re.IGNORECASE)
_EXPECTED = "expected 1234.56, 1234,56, 1,234.56 or 1.234,56"


@dataclass(frozen=True, kw_only=True)
class Decimals:
    """Which sign is a file's decimal one; both or neither may be known."""

    signs: frozenset[str] = frozenset()

    def number(self, text: str) -> float | None:
        """Return a number; None for an empty cell. Raises ValueError with the text as it stands."""
        cleaned = _cleaned(text)
        if cleaned is None:
            return None
        one = _ONE.fullmatch(cleaned)
        if one and _ambiguous(one):
            if len(self.signs) != 1:
                why = "the file has both decimal signs" if self.signs else "no other number of the file tells"
                means = f"{one[1]}{one[2]}.{one[4]} or {one[1]}{one[2]}{one[4]}"
                raise ValueError(f"'{text.strip()}' may be {means}: {why}; write {means}")
            if one[3] not in self.signs:
                cleaned = cleaned.replace(one[3], "")
        value = float(cleaned.replace(",", "."))
        if not math.isfinite(value):
            raise ValueError(f"'{text.strip()}' is too large a number")
        return value


def decimals_of(columns: Iterable[Iterable[str]], separator: str) -> Decimals:
    """Return what a file's columns of numbers, and what separates them, say about the decimal sign.

    Where every number of a column has three digits behind the same sign, that is a decimal one if it suits the
    separator: files separate columns by semicolons since their numbers have decimal commas, and by commas since theirs
    have points. Without a separator, as in JSON and XML, the point is the decimal sign.
    """
    signs, doubtful = set[str]() if separator else {"."}, set[str]()
    for column in columns:
        of_column, whole = set[str](), False
        for text in column:
            bare = _bare(text)
            if _BOTH.fullmatch(bare) or _GROUPED.fullmatch(bare):
                signs.update(re.findall(r"[.,]", bare)[-1:])
            elif one := _ONE.fullmatch(bare):
                (of_column if _ambiguous(one) else signs).add(one[3])
            elif _WHOLE.fullmatch(bare):
                whole = True
        doubtful |= of_column | ({"whole"} if whole and of_column else set())
    if not signs and doubtful in ({","}, {"."}) and (separator, *doubtful) in ((";", ","), (",", ".")):
        signs = doubtful
    return Decimals(signs=frozenset(signs))


def _bare(text: str) -> str:
    bare = text.strip().replace("−", "-")
    return re.sub(r"^(?:€|EUR)\s*|\s*(?:€|EUR)(?:\s*/\s*MWh)?$", "", bare).strip()


def _cleaned(text: str) -> str | None:
    """Return a number with at most one decimal sign and no groups; None for an empty cell. Raises ValueError."""
    bare = _bare(text)
    if bare.lower() in _EMPTY:
        return None
    if _GROUPED.fullmatch(bare):
        return re.sub(rf"[{_SPACES}'’]", "", bare)
    if _BOTH.fullmatch(bare):
        return re.sub(r"[.,](?=.*[.,])", "", bare)
    one = _ONE.fullmatch(bare)
    if _WHOLE.fullmatch(bare) or (one and one[2] + one[4]):
        return bare
    if bare.startswith("(") and bare.endswith(")"):
        raise ValueError(f"'{text.strip()}' is not a number; if it is a negative one, write -{bare[1:-1]}")
    raise ValueError(f"'{text.strip()}' is not a number; {_EXPECTED}")


def _ambiguous(one: re.Match[str]) -> bool:
    """Return whether the sign may also group thousands: one to three digits before it, three behind."""
    whole, fraction, exponent = one[2], one[4], one[5]
    return len(fraction) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0" and not exponent
