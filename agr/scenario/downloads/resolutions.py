"""Where prices of several resolutions overlap, the finer one counts; a coarse one keeps the rest. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from agr.domain.register import Price

_MINUTE = timedelta(minutes=1)
_Span = tuple[datetime, datetime]


def finest(prices: Iterable[Price]) -> list[Price]:
    """Return the prices of one series in order of time, every moment with the price of the shortest interval.

    A coarse price that is partly covered is cut into pieces as long as the shortest intervals, or shorter where these
    begin or end between. Raises ValueError where two intervals of the same length overlap.
    """
    kept: list[Price] = []
    covered: list[_Span] = []
    step: timedelta | None = None  # the shortest length
    for minutes, group in groupby(sorted(prices, key=lambda p: (p.minutes, p.start)), lambda p: p.minutes):
        alike = list(group)
        for one, other in pairwise(alike):
            if other.start < _end(one):
                both = f"{one.start.isoformat()} and {other.start.isoformat()}"
                raise ValueError(f"the {minutes} minutes from {both} overlap; keep one price for every moment")
        step = step or minutes * _MINUTE
        for price in alike:
            kept += _left(price, covered, step)
        covered = _merged([*covered, *((price.start, _end(price)) for price in alike)])
    return sorted(kept, key=lambda p: p.start)


def _end(price: Price) -> datetime:
    return price.start + price.minutes * _MINUTE


def _left(price: Price, covered: Sequence[_Span], step: timedelta) -> Iterator[Price]:
    """Yield a price as a whole where nothing covers it, else the pieces of it that nothing covers."""
    start, end = price.start, _end(price)
    first = max(bisect_right(covered, (start, start)) - 1, 0)
    over = []
    for span in covered[first:]:
        if span[0] >= end:
            break
        if span[1] > start:
            over.append(span)
    if not over:
        yield price
        return
    edges = [start, *(moment for span in over for moment in span), end]
    for begin, until in zip(edges[::2], edges[1::2], strict=True):
        while begin < until:
            cut = min(until, start + ((begin - start) // step + 1) * step)
            yield replace(price, start=begin, minutes=(cut - begin) // _MINUTE)
            begin = cut


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    merged: list[_Span] = []
    for span in sorted(spans):
        if merged and span[0] <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], span[1]))
        else:
            merged.append(span)
    return merged
