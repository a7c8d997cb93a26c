"""The whole problem of a day as one mixed-integer linear model, stated from the documentation alone.

A day begins with what the day before has left, which `leaving.py` computes from the programs of its plan.

It shares no code with the product and nothing of how that is built, so a difference in value is a mistake of one of
them. Left out, and made by no generator here:

- measured contents, days that are planned again while the next one is planned, and promises in closed ISPs;
- orders of limits or under a contract, what an offer costs, and the unmanaged program;
- balancing groups whose shares of a market's limits bind;
- switched loads that begin switched on, and runs where ISPs are not of 15 minutes;
- cars that give power after midnight at negative prices;
- times of day after midnight that the clock skipped on the day itself;
- limits that overlap at a congestion point.

Where the documentation leaves something open, a comment says how it is read.

Source: docs/reference/formulation.md, docs/reference/tables.md, docs/reference/configuration.md.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from tests.scenario.monolith.backing import EQUAL, able_kw, position_bounds
from tests.scenario.monolith.connected import charge_customers, limit_connections
from tests.scenario.monolith.linear_model import LinearModel, Solution, Term
from tests.scenario.monolith.ordering import TOLERANCE_KW, Ordered, due
from tests.scenario.monolith.reading import DEFAULTS, Day, instant, number
from tests.scenario.monolith.stating import Stated, Sustain, state
from tests.scenario.monolith.units import NOTHING, Fixed, Left, units


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What gates and messages have fixed before a plan is made; nothing before the first plan."""

    day_ahead_kw: dict[str, np.ndarray] | None = None  # (T,) of each party, see Day.parties
    bids_mw: dict[tuple[str, int], float] = field(default_factory=dict)  # product and block, from 1
    keep_share: dict[str, float] = field(default_factory=dict)  # of contracts
    announced_kw: dict[str, np.ndarray] = field(default_factory=dict)  # of congestion points
    at: datetime | None = None  # when the plan is made, if the day runs
    power_kw: dict[str, np.ndarray] = field(default_factory=dict)  # (T,) of resources in the plan in force
    intraday_kw: dict[str, np.ndarray] = field(default_factory=dict)  # (T,) what each party has bought in it, net
    orders: tuple[Ordered, ...] = ()


FIRST_PLAN = Decided()
ROUNDING = 1e-5  # of programs that are fixed, kW


def optimum(day: Day, decided: Decided = FIRST_PLAN, left: Left = NOTHING, *, cautious: bool = False) -> Solution:
    """Return the greatest value that a plan of a day can have, EUR; `left`: with what it begins.

    Row (3) of §3.5 (activations of reserve over several ISPs) can be read in two ways. The `cautious` one asks for no
    less than is meant, the other for no more.
    """
    return _Problem(day, decided, left, cautious).solved()


class _Problem:
    def __init__(self, day: Day, decided: Decided, left: Left, cautious: bool) -> None:
        self.day, self.decided, self.left, self.model = day, decided, left, LinearModel()
        self.model.constant -= left.credited_eur
        markets = day.settings.get("markets", {})
        self.series = "day_ahead_forecast" if decided.day_ahead_kw is None else "day_ahead"
        self.settings = {
            name: DEFAULTS[name] | (markets.get(name) or {}) for name in ("day_ahead", "intraday", "imbalance")
        }
        self.products = [DEFAULTS["capacity"] | product for product in markets.get("capacity", [])]
        self.price = day.price(self.series, range(day.isps)) / 1000  # EUR per kWh
        self.comfort = day.settings.get("planning", {}).get("comfort_shortfall_eur_per_kwh", 10)
        self.closed = 0 if decided.at is None else day.closed(decided.at, self.settings["intraday"]["closes_before_s"])
        hours = tuple(product["sustain_minutes"] / 60 for product in self.products)
        self.sustain = Sustain(hours=hours, cautious=cautious)

    def solved(self) -> Solution:
        day, model = self.day, self.model
        self.contracts = self._contracts()
        self.planned: list[tuple[str | None, Stated]] = []
        self.connections: list[str] = []  # of the units
        self.able: list[np.ndarray] = []
        self.called: list[Stated] = []
        reserved_points = {row["congestion_point"] for row, _ in self.contracts}
        for name, unit in units(day, self.series, self.left):
            plan = state(model, day, unit, self.comfort, self.sustain, own=True)
            self.able.append(able_kw(unit, day.isps))
            for t, kw in enumerate(self.decided.power_kw.get(name, ())[: self.closed]):
                model.one([(plan.power[t], 1.0)], kw - ROUNDING, kw + ROUNDING)
                self.able[-1][:, t] = kw
            self.planned.append((unit.point, plan))
            self.connections.append(unit.connection)
            moves = unit.point in reserved_points and not isinstance(unit, Fixed)
            if moves:
                self.called.append(state(model, day, unit, self.comfort, self.sustain, own=False))
            elif reserved_points and self.products and not (self.sustain.cautious and day.tables["connection_limits"]):
                self.called.append(plan.held_again(model, day, self.sustain))
            else:
                self.called.append(plan)
        self._balance()
        self._limits()
        plans = [plan for _, plan in self.planned]
        moved = [point in reserved_points for point, _ in self.planned]
        limit_connections(model, day, self.connections, plans, self.called, moved)
        charge_customers(model, day, self.connections, plans, self.left.level_kw)
        self._reservations()
        self._capacity()
        self._announced()
        self._orders()
        return model.solve()

    def _program(self, point: str | None, t: int, *, called: bool = False) -> list[Term]:
        """Return the terms of a congestion point's program in an ISP."""
        pairs = zip(self.planned, self.called, strict=True)
        return [((second if called else first).power[t], 1.0) for (where, first), second in pairs if where == point]

    def _balance(self) -> None:
        for party in sorted(set(self.day.parties.values())):
            self._balance_of(party)

    def _balance_of(self, party: str) -> None:
        day, model, T = self.day, self.model, self.day.isps
        market, intraday, hours = self.settings["day_ahead"], self.settings["intraday"], self.day.hours
        mine = [i for i, connection in enumerate(self.connections) if day.parties[connection] == party]
        able = sum((self.able[i] for i in mine), np.zeros((2, T)))
        buy_price, sell_price = self._intraday("buy", 1), self._intraday("sell", -1)
        pays = (sell_price > self.price + EQUAL) | (buy_price < self.price - EQUAL)  # without any resource
        if self.decided.day_ahead_kw is None:
            length = max(int(market["product_minutes"]) // day.minutes, 1)
            low, high = position_bounds(pays, able, length, float(market["max_sell_kw"]), float(market["max_buy_kw"]))
            of = np.arange(T) // length
            position = model.columns(len(low), low, high)[of]
            low, high = low[of], high[of]
        else:
            low = high = self.decided.day_ahead_kw[party]
            position = model.columns(T, low, high)
        energy = model.columns(T, -np.inf, np.inf, -self.price * hours)  # the position once more, with its price
        model.each([(position, 1.0), (energy, -1.0)], 0.0, 0.0)
        least, most = np.zeros((2, T)), np.full((2, T), float(intraday["depth_kw"]))
        most[:, pays] = np.minimum(most, np.maximum([able[1] - low, high - able[0]], 0.0))[:, pays]
        if self.closed:
            net = self.decided.intraday_kw[party][: self.closed]
            least[:, : self.closed] = most[:, : self.closed] = [np.maximum(net, 0.0), np.maximum(-net, 0.0)]
        buy = model.columns(T, least[0], most[0], -buy_price * hours)
        sell = model.columns(T, least[1], most[1], sell_price * hours)
        # "On top of the day-ahead price, both ways": whatever the price's sign, imbalance never pays.
        penal = self._penal()
        short, long = (model.columns(T, 0.0, np.inf, -penal * hours) for _ in range(2))
        for t in range(T):
            programs: list[Term] = [(self.planned[i][1].power[t], 1.0) for i in mine]
            model.one(
                [*programs, (position[t], -1), (buy[t], -1), (sell[t], 1), (short[t], -1), (long[t], 1)], 0.0, 0.0
            )

    def _penal(self) -> np.ndarray:
        """Return the price of imbalance, EUR per kWh."""
        return np.asarray(self.settings["imbalance"]["penalty_eur_per_mwh"] / 1000 + np.abs(self.price))

    def _intraday(self, side: str, sign: int) -> np.ndarray:
        """Return the price at which energy is bought or sold intraday, EUR per kWh, as it is known by now."""
        series = self.settings["intraday"].get(f"{side}_series")
        if series is None:
            return np.asarray(self.price + sign * self.settings["intraday"]["spread_eur_per_mwh"] / 2000)
        for one in self.day.settings.get("revelations", []):
            if self.decided.at is not None and one["series"] == series and instant(one["at"]) <= self.decided.at:
                series = one["becomes"]
        return self.day.price(series, range(self.day.isps)) / 1000

    def _limits(self) -> None:
        for row in self.day.tables["limits"]:
            cost = number(row, "penalty_eur_per_mwh") / 1000 * self.day.hours
            for t in np.flatnonzero(self.day.window(row)):
                breach = self.model.columns(2, 0.0, np.inf, -cost)
                program = self._program(row["congestion_point"], int(t))
                if row["import_kw"]:
                    self.model.one([*program, (breach[0], -1.0)], -np.inf, float(row["import_kw"]))
                if row["export_kw"]:
                    self.model.one([*program, (breach[1], 1.0)], -float(row["export_kw"]), np.inf)

    def _contracts(self) -> list[tuple[dict[str, str], np.ndarray]]:
        """Return contracts with the power that is reserved in each ISP, kW."""
        made = []
        for row in self.day.tables["contracts"]:
            share = self.decided.keep_share.get(row["contract"], 1.0)
            made.append((row, self.day.window(row) * float(row["power_w"]) / 1000 * share))
        return [(row, kw) for row, kw in made if kw.any()]

    def _reservations(self) -> None:
        model, hours = self.model, self.day.hours
        rows: dict[tuple[str, int, float], list[Term]] = defaultdict(list)
        reserved: dict[tuple[str, int, float], float] = defaultdict(float)
        for row, kw in self.contracts:
            model.constant += float(np.abs(kw).sum()) * number(row, "availability_eur_per_mw_h") / 1000 * hours
            penalty = number(row, "penalty_eur_per_mwh") / 1000 * hours
            for t in np.flatnonzero(kw):
                at = (row["congestion_point"], int(t), float(np.sign(kw[t])))
                rows[at].append((model.columns(1, 0.0, abs(kw[t]), -penalty), 1.0))
                reserved[at] += kw[t]
        for at, shortfalls in rows.items():
            point, isp, sign = at
            before = [(columns, -sign) for columns, _ in self._program(point, isp)]
            after = [(columns, sign) for columns, _ in self._program(point, isp, called=True)]
            model.one([*after, *before, *shortfalls], sign * reserved[at], np.inf)

    def _capacity(self) -> None:
        model, day = self.model, self.day
        for j, product in enumerate(self.products):
            hour = np.array([day.local(t).hour for t in range(day.isps)]) // product["block_hours"]
            price = day.price(product["series"], range(day.isps))
            for b in np.unique(hour):
                isps = np.flatnonzero(hour == b)
                per_block = product.get("price_unit") == "EUR/MW/block"
                eur = price[isps].mean() * (1.0 if per_block else len(isps) * day.hours)
                # A bid asks the share of the price that may be expected to earn most, and an award pays what it asked.
                share, likely = max(product.get("award") or [(1.0, 1.0)], key=lambda pair: pair[0] * pair[1])
                awarded = self.decided.bids_mw.get((product["name"], int(b) + 1))
                if awarded is None:
                    bid, missing = self._bid(product, share * likely * eur), np.array([], dtype=int)
                else:
                    bid = model.columns(1, awarded, awarded, share * eur)
                    cost = product["shortfall_eur_per_mwh"] * day.hours
                    missing = model.columns(len(isps), 0.0, awarded, -cost)
                for i, t in enumerate(isps):
                    for held in ([plan for _, plan in self.planned], self.called):
                        self._held(held, j, int(t), [(bid, -1.0), *((column, 1.0) for column in missing[i : i + 1])])

    def _held(self, stated: list[Stated], j: int, t: int, bid: list[Term]) -> None:
        """State that units hold a bid of product j in an ISP, less what is missing."""
        direction = self.products[j]["direction"]
        for side in ("up", "down"):
            if direction in ("symmetric", side):
                holders = [each for unit in stated if (each := getattr(unit, side)) is not None]
                self.model.one([*((each[j][t], 0.001) for each in holders), *bid], 0.0, np.inf)

    def _bid(self, product: dict[str, Any], eur: float) -> np.ndarray:
        """Return the bid of a block, MW: whole steps, none or at least the minimum."""
        most = int(product["max_mw"] / product["step_mw"] + 1e-9)
        steps, any_ = self.model.columns(1, 0, most, whole=True), self.model.columns(1, 0, 1, whole=True)
        bid = self.model.columns(1, 0.0, product["max_mw"], eur)
        self.model.one([(bid, 1.0), (steps, -product["step_mw"])], 0.0, 0.0)
        self.model.one([(bid, 1.0), (any_, -product["max_mw"])], -np.inf, 0.0)
        self.model.one([(bid, 1.0), (any_, -product["minimum_mw"])], 0.0, np.inf)
        return bid

    def _announced(self) -> None:
        cost = self.day.settings.get("stay_eur_per_mwh", 1.0) / 1000 * self.day.hours
        for point, kw in self.decided.announced_kw.items():
            for t in range(self.day.isps):
                away = self.model.columns(1, 0.0, np.inf, -cost)
                program = self._program(point, t)
                self.model.one([*program, (away, -1.0)], -np.inf, kw[t])
                self.model.one([*program, (away, 1.0)], kw[t], np.inf)

    def _orders(self) -> None:
        """State what is due, to within the rounding of programs unless `cautious`."""
        # "Which lies above that of imbalance": it is that of the settings, and at least three times that of imbalance.
        cost = max(5.0, 3 * float(self._penal().max())) * self.day.hours
        slack = 0.0 if self.sustain.cautious else TOLERANCE_KW
        self.model.constant += sum(order.eur for order in self.decided.orders)
        for bound in due(self.decided.orders):
            for t in range(self.day.isps):
                missing = self.model.columns(1, 0.0, np.inf, -cost)
                program = self._program(bound.point, t)
                if np.isfinite(bound.most_kw[t]):
                    self.model.one([*program, (missing, -1.0)], -np.inf, bound.most_kw[t] + slack)
                if np.isfinite(bound.least_kw[t]):
                    self.model.one([*program, (missing, 1.0)], bound.least_kw[t] - slack, np.inf)
