"""The worked example of docs/how-to/forecast.md, on the shipped Dutch prices: its figures are those that come out."""

import re
from datetime import date
from pathlib import Path

import pytest

from agr.connectors.actuals import read_actuals
from agr.forecasting import Forecasting, days_of, forecast, model
from agr.forecasting.forecast import quantile_of
from agr.forecasting.models.registry import BEST, NAIVE

ROOT = Path(__file__).parents[2]


def test_the_documented_forecast_of_a_december_day_is_what_comes_out() -> None:
    text = (ROOT / "docs" / "how-to" / "forecast.md").read_text(encoding="utf-8")
    example = text[text.index("## An example with real prices") :]
    number = r"(-?[\d.]+\d)"
    said = re.search(
        rf"For 00:00 the forecast was\s+{number} EUR/MWh, with an 80 % band of {number} to {number}; "
        rf"the naive forecast was {number}, and the actual price {number}\.",
        example,
    )
    assert said
    values = re.search(r"([\d,]+) values stored, 0 known before, 0 refused", example)
    assert values
    rows = read_actuals(ROOT / "benchmarks" / "data" / "day_ahead_nl.parquet")
    assert f"{len(rows):,}" == values[1]
    days = days_of([row.observed for row in rows], "Europe/Amsterdam", 60)
    row = days.row(date(2024, 12, 20))
    made = forecast(days.known(row), row, Forecasting(model=BEST))
    assert f"by {made.model}" in example
    assert made.quantiles is not None
    low, high = (quantile_of(made.quantiles, level)[0] for level in (0.1, 0.9))
    naive = model(NAIVE).fit(days.known(row), 1)(days.known(row), 1)
    found = (made.mean[0], low, high, naive[0], days.values[row, 0])
    assert [float(text) for text in said.groups()] == pytest.approx(list(found), abs=0.006)
