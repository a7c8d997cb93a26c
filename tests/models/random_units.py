"""Random units, products and prices for tests of best responses, with everything that degenerates in some of them."""

import numpy as np

from models.case import Direction
from models.response import Prices, Rows
from tests.models.builders import storage
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import reserve

HOURS = 0.25


def products(rng, isps, *, count, sustain=(0.0,)):
    """A few products with random directions, blocks, and blocks that are not traded."""
    return tuple(
        reserve(
            isps,
            rng.choice([0.0, 5.0, 20.0], 3, p=[0.2, 0.4, 0.4]),
            name=f"product {r}",
            direction=rng.choice(list(Direction)),
            block=rng.integers(-1, 3, isps),
            committed_mw=rng.choice([NAN, 0.0, 1.0], 3, p=[0.6, 0.2, 0.2]),
            sustain_h=float(rng.choice(sustain)),
        )
        for r in range(count)
    )


def random_storage(rng, isps):
    """A battery, EV session or heat buffer, with everything that degenerates in some of them."""
    kind = rng.choice(["battery", "ev", "heat"])
    size = float(rng.choice([2.0, 10.0, 60.0]))
    power = float(rng.choice([0.0, 3.0, 11.0]))
    values = {
        "charge_kw": power if rng.random() < 0.5 else rng.uniform(0, 11, isps) * (rng.random(isps) < 0.7),
        "discharge_kw": 0.0,
        "eta_c": float(rng.choice([1.0, 0.9])),
        "eta_d": float(rng.choice([1.0, 0.92])),
        "retention": float(rng.choice([1.0, 0.99, 0.6])),
        "high": size,
        "start": rng.uniform(0, size),
        "wear": float(rng.choice([0.0, 0.01, 0.1])),
        "end_value": float(rng.choice([0.0, 0.05, 0.4])),
        "shortfall": float(rng.choice([0.0, 0.2, 10.0])),
        "reserve_kw": float(rng.choice([0.0, 1.0, 4.0, 50.0])),
    }
    if kind == "battery":
        values["discharge_kw"] = float(rng.choice([3.0, 8.0]))
        if rng.random() < 0.3:
            values["low"] = 0.2 * size
    if kind == "ev":
        leave = int(rng.integers(0, isps))
        need = rng.uniform(0, size) * (np.arange(isps) >= leave)
        values |= {"charge_kw": power * (np.arange(isps) <= leave), "low": need}
    if kind == "heat":
        values |= {"eta_c": rng.uniform(2, 4, isps), "demand": rng.uniform(0, 2, isps)}
    if rng.random() < 0.2:
        level = rng.uniform(0, size, isps)
        values |= {"low": level, "high": level + rng.choice([0.0, 0.5], isps)}
    if rng.random() < 0.3:
        pins = rng.uniform(-4, 8, isps) if kind == "battery" else rng.uniform(0, 8, isps)
        values["pinned_kw"] = np.where(rng.random(isps) < 0.3, pins * (rng.random(isps) < 0.7), NAN)
    if rng.random() < 0.4:
        steps = [(share * size, -float(rng.choice([0.02, 0.1]))) for share in np.sort(rng.uniform(0, 1.1, 3))]
        values |= {"worth_steps": steps, "worth_zero": rng.uniform(0, size)}
    return storage(isps, **values)


def random_prices(rng, case):
    """Prices that are equal, whole cents, smooth or wild; below zero in some."""
    isps = case.isps
    power = {
        "flat": np.full(isps, 80.0),
        "whole": rng.integers(-2, 12, isps) * 10.0,
        "wild": rng.normal(60, 120, isps),
        "negative": rng.normal(-40, 60, isps),
        "plain": rng.uniform(20, 150, isps),
    }[rng.choice(["flat", "whole", "wild", "negative", "plain", "plain"])]
    held = rng.choice([0.0, 5.0, 20.0, 60.0], (1, len(case.reserves), isps))
    if rng.random() < 0.5:
        held = held * rng.uniform(0.5, 1.5, held.shape)
    scale = case.isp_hours / 1000
    return Prices(power_eur_per_kw=power[None] * scale, held_eur_per_kw=held * scale)


def rows(units):
    return Rows(power=np.zeros(units, dtype=np.int64), held=np.zeros(units, dtype=np.int64), total=np.arange(units))


def total_eur(answers, prices):
    """Cost with prices of every answer."""
    earned = (answers.held_kw * prices.held_eur_per_kw[0][:, None]).sum(axis=(0, 2))
    return answers.cost_eur + answers.power_kw @ prices.power_eur_per_kw[0] - earned
