"""The markets and obligations that couple units, found by their names in models.case.

A market consists of:

1. `models/markets/NAME/`: `__init__.py` (a dataclass of its parameters with `check`), `block.py` (its variables and
   rows in the reference, and how they are read), `costs.py` (what finished programs cost there, and its coupling cost
   for the decomposition) and `market.py` (its MARKET, a Market; see models.markets.protocols for what each entry means
   and what may be left out). A small market may have them all in `market.py`. These modules know Case, and no other
   market. A market whose cost is no sum over ISPs says so, `whole_only`: cases with it are planned by the reference
   formulation. A market that promises something says how it is eased for offers (`eased`), one with limits or
   positions for the whole portfolio what a sample has of them (`sampled`), and one with rows at congestion points how
   these are cut out and put back (`placed`). Only positions need more: docs/how-to/add-a-market.md §7.
2. `models/case.py`: a field with its parameters, with no such market as its default, and its name in MARKET_NAMES.
   Where its positions are more than what follows from programs, fields of ProgramValues and Outcome in
   `models/outcome.py`.
3. `models/audit/markets/NAME.py`: its AUDIT, which checks it from the formulation alone.
4. A test and a section of docs/reference/formulation.md.

A worked example, with the service's side: docs/how-to/add-a-market.md.
"""

from models.case import MARKET_NAMES
from models.markets.protocols import Market
from models.registered import registered

MARKETS: tuple[Market, ...] = registered(MARKET_NAMES, "models.markets.{name}.market", "MARKET", Market)
"""Every market, in the order in which they are stated and added up."""

BY_NAME: dict[str, Market] = {market.name: market for market in MARKETS}

ANNOUNCED = BY_NAME["announced"]
