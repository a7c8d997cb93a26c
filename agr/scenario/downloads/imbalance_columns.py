"""The two columns of imbalance prices, with the unit that their names have."""

from agr.scenario.downloads.layout import PriceColumn
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.words import foreign, per_mwh


def imbalance_columns(sheet: Sheet, *, shortage: int, surplus: int) -> list[PriceColumn]:
    """Return the columns of who is short and who has a surplus; without a unit in their names they are EUR/MWh.

    Raises ValueError for another currency.
    """
    found = []
    for side, column in (("shortage", shortage), ("surplus", surplus)):
        name = sheet.header[column]
        if foreign(name):
            raise ValueError(f"column '{name}' is not in EUR; convert its prices to EUR and rename it")
        found.append(PriceColumn(column=column, series=f"imbalance_{side}", factor=per_mwh(name) or 1.0))
    return found
