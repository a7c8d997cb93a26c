"""Says in words how a reservation holds on days that may come. Pure."""

from agr.domain.isp import Period
from agr.domain.plan import PromisedPoint

_LEAST_KW = 0.1
"""Smallest deviation that is shown: 0.0 kW would read as if nothing had been counted."""


def words(one: PromisedPoint, period: Period) -> str:
    """Return what a promise is, what it costs and how often it was kept, in one line."""
    again = f", {one.recounted} of them counted twice" if one.recounted else ""
    kept = f"calls at {one.address} are answered on {one.answered} of {one.days} days that may come{again}"
    parts = [f"{kept} (asked: {one.probability:.0%})"]
    if one.within_kw is not None:
        within_kw = max(one.within_kw, _LEAST_KW)
        parts.append(f"on {one.probability:.0%} of them its D-Prognosis is kept to within {within_kw:,.1f} kW then")
    if one.scenario is not None and one.isp is not None:
        why = f": {one.why}" if one.why else ""
        parts.append(f"the promise binds in scenario {one.scenario}, {period.label(one.isp)}{why}")
    if one.hedge_eur is not None:
        parts.append(f"this hedge costs {one.hedge_eur:z,.2f} EUR")
    return "; ".join(parts)
