"""Doubts about settings: magnitudes that are not usual, so that a value was probably meant in another unit. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from agr.domain.usual import ENERGY_PRICE, PENALTY, Usual
from agr.settings.bids import BidFiles, Bids, BidWebhook
from agr.settings.daemon import Planning
from agr.settings.forecasts import HeatSites, LoadSites, RoofSites
from agr.settings.markets import CapacityProduct, DayAhead, Imbalance, ImbalanceReaction, Intraday
from agr.settings.messages import Publication
from agr.settings.promises import Promises
from agr.settings.rolling import Rolling
from agr.settings.trading import Trading

Place = tuple[str | int, ...]

_TRADE = Usual(unit="kW", least=1.0, most=1e7)
_EUR_PER_MWH = Usual(unit="EUR/MWh", least=0.5, most=5_000.0, small=(1000.0, "EUR/kWh"))
_PENALTY = Usual(unit="EUR/MWh", least=5.0, most=100_000.0, small=(1000.0, "EUR/kWh"))
_BID_MW = Usual(unit="MW", least=1e-3, most=100.0, large=(1000.0, "kW"))
_GAP = Usual(unit="", most=0.02, large=(100.0, "percent"))
_WAIT = Usual(unit="s", least=30.0, most=30 * 86_400.0, small=(60.0, "minutes"), large=(1000.0, "ms"))

USUAL: dict[type[BaseModel], dict[str, Usual]] = {
    DayAhead: {"max_buy_kw": _TRADE, "max_sell_kw": _TRADE},
    Intraday: {
        "spread_eur_per_mwh": Usual(unit="EUR/MWh", least=0.2, most=1_000.0, small=(1000.0, "EUR/kWh")),
        "depth_kw": _TRADE,
        "closes_before_s": Usual(
            unit="s", least=240.0, most=2 * 86_400.0, small=(60.0, "minutes"), large=(1000.0, "ms")
        ),
    },
    Imbalance: {"penalty_eur_per_mwh": _PENALTY},
    ImbalanceReaction: {
        "margin_eur_per_mwh": _EUR_PER_MWH,
        "max_mw": Usual(unit="MW", most=500.0, large=(1000.0, "kW")),
    },
    CapacityProduct: {
        "minimum_mw": _BID_MW,
        "step_mw": _BID_MW,
        "max_mw": Usual(unit="MW", least=1e-3, most=1_000.0, large=(1000.0, "kW")),
        "sustain_minutes": Usual(unit="minutes", least=4.9, most=720.0, small=(60.0, "hours"), large=(60.0, "s")),
        "price_floor": Usual(unit="EUR/MW", least=0.05, most=5_000.0, small=(1000.0, "EUR/kW")),
        "shortfall_eur_per_mwh": _PENALTY,
    },
    Planning: {
        "comfort_shortfall_eur_per_kwh": Usual(unit="EUR/kWh", least=0.05, most=1_000.0, large=(1000.0, "EUR/MWh")),
        "relative_gap": _GAP,
        "decomposed_gap": _GAP,
        "time_limit_s": Usual(unit="s", most=7_200.0, large=(1000.0, "ms")),
        "budget_s": Usual(unit="s", most=14_400.0, large=(1000.0, "ms")),
        "join_triggers_s": Usual(unit="s", most=900.0, large=(1000.0, "ms")),
        "measured_max_age_s": _WAIT,
    },
    Publication: {"stay_eur_per_mwh": Usual(unit="EUR/MWh", least=0.01, most=500.0, small=(1000.0, "EUR/kWh"))},
    Rolling: {"price_eur_per_mwh": _EUR_PER_MWH},
    Promises: {"deviation_eur_per_mwh": _PENALTY},
    Bids: {"step_mw": _BID_MW},
    BidFiles: {"price_min_eur_per_mwh": ENERGY_PRICE, "price_max_eur_per_mwh": PENALTY},
    BidWebhook: {"price_min_eur_per_mwh": ENERGY_PRICE, "price_max_eur_per_mwh": PENALTY},
    Trading: {
        "margin_share": Usual(unit="", most=2.0, large=(100.0, "percent")),
        "risk_eur_per_mwh": _EUR_PER_MWH,
        "penalty_eur_per_mwh": PENALTY,
        "sell_share": Usual(unit="", least=0.1, small=(100.0, "")),
        "least_kw": Usual(unit="kW", most=10_000.0, large=(1000.0, "W")),
        "expires_s": _WAIT,
        "last_order_s": _WAIT,
        "intraday_order_s": _WAIT,
        "hold_s": _WAIT,
        "meter_tolerance_share": Usual(unit="", least=1e-3, most=0.5, small=(100.0, ""), large=(100.0, "percent")),
        "metering_after_s": _WAIT,
        "shortfall_eur_per_mwh": _PENALTY,
    },
    LoadSites: {"kwh_per_year": Usual(unit="kWh", least=100.0, most=1e8, small=(1000.0, "MWh"))},
    HeatSites: {"kwh_per_year": Usual(unit="kWh", least=300.0, most=1e7, small=(1000.0, "MWh"))},
    RoofSites: {"peak_kw": Usual(unit="kW", least=0.1, most=2_000.0, small=(1000.0, "MW"))},
}
"""Section → setting → the range that is usual in it."""
LEAST_OF_ABLE, MOST_OF_ABLE = 1 / 50, 100.0
"""Bounds on trades are rarely below this share of our resources' power, and bounds on bids rarely above this many times
it."""


@dataclass(frozen=True, kw_only=True)
class SettingDoubt:
    """A setting that was probably meant in another unit."""

    place: Place
    words: str

    def __str__(self) -> str:
        return f"{'.'.join(str(part) for part in self.place)}: {self.words}"


def setting_doubts(section: BaseModel, able_kw: float = 0.0, place: Place = ()) -> Iterator[SettingDoubt]:
    """Yield what is doubtful in a section and those within it; `able_kw` is the power of our resources, 0: unknown."""
    usual = {name: one for kind, known in USUAL.items() if isinstance(section, kind) for name, one in known.items()}
    for name in type(section).model_fields:
        value = getattr(section, name)
        for key, part in enumerate(value) if isinstance(value, tuple) else ((None, value),):
            at = (*place, name) if key is None else (*place, name, key)
            if isinstance(part, BaseModel):
                yield from setting_doubts(part, able_kw, at)
            elif (
                name in usual
                and isinstance(part, int | float)
                and (words := usual[name].words(part) or _beside(section, name, part, able_kw))
            ):
                yield SettingDoubt(place=at, words=words)


def _beside(section: BaseModel, name: str, value: float, able_kw: float) -> str:
    """Say what is doubtful about a bound of trades or bids beside the power of our resources, empty if nothing is."""
    of = f"the power of all resources ({able_kw:,.4g} kW)"
    if isinstance(section, DayAhead) and 0 < value < LEAST_OF_ABLE * able_kw:
        return f"{value:g} kW is {value / able_kw:.2g} of {of}; did you mean {value * 1000:g} kW ({value:g} MW)?"
    most = max(1.0, MOST_OF_ABLE * able_kw / 1000)  # markets bid whole MW, whatever we have
    if isinstance(section, CapacityProduct) and name.endswith("_mw") and able_kw > 0 and value > most:
        said = f"{value:g} MW is {value * 1000 / able_kw:,.0f} times {of}"
        return f"{said}; did you mean {value / 1000:g} MW ({value:g} kW)?"
    return ""
