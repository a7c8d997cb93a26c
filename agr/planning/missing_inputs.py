"""What stands in where no CRO has sent congestion points or forecasts are missing, and the note that says so."""

from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds import MEASURED
from agr.domain.register import Portfolio
from agr.planning.alarms import STALE
from agr.planning.own_forecasts import missing_heat, missing_powers
from agr.planning.ports import PlanningSettings, PlanReader
from agr.store.own_portfolio import OWN_LIST


def portfolio_known(
    reader: PlanReader, settings: PlanningSettings, period: Period, notes: list[str]
) -> Portfolio | None:
    """Return the Period's congestion points; without a CRO's answer, yesterday's if settings allow, with a note."""
    states = reader.cro_states(period.day)
    missing = [cro for cro, state in states.items() if state != "answered"]
    known = reader.portfolio(period)
    if len(missing) < len(states):
        notes.extend(f"CRO {cro} has not answered: its congestion points are missing" for cro in missing)
        if OWN_LIST in states:
            beside = "beside the CROs' lists" if len(states) > 1 else "no CRO says otherwise"
            notes.append(f"congestion points are taken from our own {OWN_LIST}: {beside}")
        return known
    yesterday = reader.portfolio(period.previous())
    allowed = settings.planning.stale_portfolio == "use yesterday"
    if allowed and reader.last_call_made(period.day) and yesterday.points:
        notes.append(
            f"no CRO has answered: the list of {period.previous()} is used, which is not valid for this Period"
        )
        return replace(yesterday, period=period)
    return None


def forecasts_known(
    reader: PlanReader, period: Period, now: datetime, notes: list[str]
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return the Period's forecasts; our own, then the newest earlier day's, stand in for missing ones, with a note.

    They stand in at the same wall-clock time: people and machines keep to the clock when it changes.
    """
    known = dict(reader.forecasts(period))
    known |= missing_powers(reader.power_forecasts(period, now), known, period, notes)
    known |= missing_heat(reader.heat_forecasts(period, now), known, period, notes)
    earlier = reader.latest_forecast_day(period.day)
    if earlier is None:
        return known
    source = Period(earlier, period.zone_name, period.isp_minutes)
    stale = reader.forecasts(source)
    isps = np.array(source.isps_of_wall_clock(period))
    borrowed = {key: values[isps] for key, values in stale.items() if key not in known and key[1] not in MEASURED}
    if borrowed:
        stand = "stands" if len(borrowed) == 1 else "stand"
        notes.append(f"{number_of(len(borrowed), 'forecast')} of {earlier} {stand} {STALE} of {period}")
    return known | borrowed
