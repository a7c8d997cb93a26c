"""Settings a thousand times too large or small, in percent, minutes or hours, are doubted; usual ones are not."""

import pytest
from pydantic import BaseModel

from agr.settings import CapacityProduct, Markets, Settings, Trading
from agr.settings.doubts import USUAL, setting_doubts

FCR = CapacityProduct.model_validate(
    {"name": "FCR", "direction": "symmetric", "series": "fcr", "max_mw": 5,
     "gate": {"at": "08:00", "days_before": 1}}
)  # fmt: skip


def test_the_defaults_raise_no_doubts() -> None:
    settings = Settings.model_validate({"domain": "agr.example", "markets": {"capacity": [FCR.model_dump()]}})
    assert list(setting_doubts(settings, able_kw=2_000.0)) == []


@pytest.mark.parametrize(
    ("section", "name", "value", "words"),
    [
        ("intraday", "spread_eur_per_mwh", 0.02, "did you mean 20 EUR/MWh (0.02 EUR/kWh)?"),
        ("intraday", "closes_before_s", 60, "did you mean 3600 s (60 minutes)?"),
        ("imbalance", "penalty_eur_per_mwh", 1, "did you mean 1000 EUR/MWh (1 EUR/kWh)?"),
        ("imbalance", "penalty_eur_per_mwh", 1e6, "did you mean 1000 EUR/MWh?"),
        ("day_ahead", "max_buy_kw", 30, "did you mean 30000 kW (30 MW)?"),
        ("day_ahead", "max_sell_kw", 1e8, "did you mean 100000 kW?"),
    ],
)
def test_a_market_in_another_unit_is_doubted(section: str, name: str, value: float, words: str) -> None:
    markets = Markets.model_validate({section: {name: value}})
    (found,) = setting_doubts(markets, able_kw=2_000.0)
    assert found.place == (section, name)
    assert words in str(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sustain_minutes": 1}, "did you mean 60 minutes (1 hours)?"),
        ({"sustain_minutes": 3600}, "did you mean 60 minutes (3600 s)?"),
        ({"max_mw": 5000}, "did you mean 5 MW (5000 kW)?"),
        ({"max_mw": 500}, "250 times the power of all resources (2,000 kW); did you mean 0.5 MW (500 kW)?"),
        ({"step_mw": 0.0001}, "did you mean 0.1 MW?"),
        ({"shortfall_eur_per_mwh": 1}, "did you mean 1000 EUR/MWh (1 EUR/kWh)?"),
        ({"price_floor": 0.004}, "did you mean 4 EUR/MW (0.004 EUR/kW)?"),
    ],
)
def test_a_capacity_product_in_another_unit_is_doubted(change: dict[str, float], words: str) -> None:
    markets = Markets.model_validate({"capacity": [FCR.model_dump() | change]})
    (found,) = setting_doubts(markets, able_kw=2_000.0)
    assert found.place == ("capacity", 0, next(iter(change)))
    assert words in str(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"margin_share": 10}, "10 is very much (usual: to 2); did you mean 0.1 (10 percent)?"),
        ({"expires_s": 2}, "did you mean 120 s (2 minutes)?"),
        ({"meter_tolerance_share": 1}, "did you mean 0.01 (1 percent)?"),
        ({"penalty_eur_per_mwh": 2}, "did you mean 2000 EUR/MWh (2 EUR/kWh)?"),
    ],
)
def test_trading_in_percent_minutes_or_per_kwh_is_doubted(change: dict[str, float], words: str) -> None:
    (found,) = setting_doubts(Trading.model_validate(change))
    assert words in str(found)


@pytest.mark.parametrize("section", USUAL, ids=lambda section: section.__name__)
def test_every_doubted_setting_exists_and_its_default_is_usual(section: type[BaseModel]) -> None:
    for name, usual in USUAL[section].items():
        default = section.model_fields[name].default
        assert not isinstance(default, int | float) or usual.words(default) == ""
