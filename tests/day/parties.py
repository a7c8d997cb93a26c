"""The counterparties that many tests of a test process talk to; apart from what drives a daemon, which imports much."""

from collections.abc import Iterator
from dataclasses import dataclass

from agr.demo.counterparties import Counterparty


@dataclass(frozen=True)
class Parties:
    """Everybody but us."""

    cro: Counterparty
    north: Counterparty
    south: Counterparty

    def __iter__(self) -> Iterator[Counterparty]:
        return iter((self.cro, self.north, self.south))
