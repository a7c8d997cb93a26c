"""Writes what stores and generators can do to the slots of their chains.

Source: docs/reference/formulation.md §2.3, §3.5.
"""

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.decomposition.whole.lone_stores import NOTHING_KW, LoneStores
from models.decomposition.whole.slots import (
    BEGIN,
    CAP,
    CHARGE,
    DISCHARGE,
    END,
    PRODUCTS,
    ROOM,
    SUMS,
    WINDOW,
    Frame,
    Slots,
)
from models.resources.storage.layout import END_VALUE, RETENTION, START, STEPS, WEAR
from models.resources.storage.owed import BEFORE_CEILING, BEFORE_FLOOR, CEILING, FLOOR, PER_KW

_NARROW_KWH = 2e-5
"""Least width of a band of energy; what that gives too much is taken back."""
_LITTLE_KW = 1e-6
"""Reserve that counts as none."""


def fill_stores(case: Case, slots: Slots, frame: Frame, stores: LoneStores, chain: Ints, holder: Ints) -> None:
    """Write stores (U,) to their chains (U,); holder (U,): their numbers among chains that hold reserve, else −1."""
    scalars, free = stores.scalars, stores.free
    frame.kept[chain, :, 0], frame.start[chain, 0] = scalars[:, [RETENTION]], scalars[:, START]
    frame.end_eur[chain, 0] = -scalars[:, END_VALUE]
    for n in range((scalars.shape[1] - STEPS) // 2):
        frame.step_eur[chain, n] = -scalars[:, STEPS + 2 * n]
        frame.step_from[chain, n] = scalars[:, STEPS + 2 * n + 1]
    frame.drift[chain, :, 0], frame.fixed_kw[chain] = stores.fixed_kwh, stores.fixed_kw
    missing = 0.5 * np.maximum(_NARROW_KWH - (stores.high - stores.low), 0.0)
    frame.low[chain, :, 0], frame.high[chain, :, 0] = stores.low - missing, stores.high + missing
    for slot, most, change in (
        (CHARGE, stores.charge, stores.gain), (DISCHARGE, stores.discharge, -stores.drain),
    ):  # fmt: skip
        frame.there[chain, :, slot] = free & (most > NOTHING_KW)
        frame.most[chain, :, slot], frame.change[chain, :, slot], frame.device[chain, :, slot] = most, change, 0
        frame.cost[chain, :, slot] = scalars[:, [WEAR]] * case.isp_hours
    frame.bounded[chain, :, 0] = frame.there[chain, :, CHARGE] | frame.there[chain, :, DISCHARGE]
    if (holder >= 0).any():
        _fill_reserve(slots, frame, _some(stores, holder >= 0), chain[holder >= 0], holder[holder >= 0])


def _some(stores: LoneStores, chosen: Bools) -> LoneStores:
    return LoneStores(
        batch=stores.batch,
        **{name: getattr(stores, name)[chosen] for name in LoneStores.__dataclass_fields__ if name != "batch"},
    )


def _fill_reserve(slots: Slots, frame: Frame, stores: LoneStores, chain: Ints, holder: Ints) -> None:
    """Write what stores (U,) hold, and its rows."""
    able = (np.arange(stores.free.shape[1]) >= stores.first[:, None]) & (stores.reserve_kw > 0.0)[:, None]
    per, size = stores.owed[:, PER_KW], np.maximum(stores.owed[:, CEILING] - stores.owed[:, FLOOR], 0.0)
    can, held = sum(stores.limits_kw), np.zeros((len(slots.lasts), *stores.free.shape), dtype=np.bool_)
    for r, long in enumerate(slots.lasts):
        most = np.minimum(stores.reserve_kw[:, None], can)
        most = np.minimum(most, size / (per * long.hours)) if long.hours > 0.0 else most
        held[r] = able & slots.traded[r] & (most > _LITTLE_KW)
        frame.there[chain, :, PRODUCTS + r], frame.most[chain, :, PRODUCTS + r] = held[r], most
    for side in range(2):
        _fill_side(slots, frame, stores, chain, holder, held, side)


def _fill_side(
    slots: Slots, frame: Frame, stores: LoneStores, chain: Ints, holder: Ints, held: Bools, side: int
) -> None:
    """Write the sums of what is held (R,U,T) on a side, and the rows of that side."""
    per, time = stores.owed[:, PER_KW], np.arange(held.shape[2])
    some: Bools = np.zeros(held.shape[1:], dtype=np.bool_)
    sustained, several, reached = some.copy(), some.copy(), some.copy()
    for n, ((of, long), members, registers) in enumerate(zip(slots.sums, slots.members, slots.registers, strict=True)):
        if of != side:
            continue
        mine: Bools = np.logical_or.reduce(held[list(members)], axis=0)
        slot, row = slots.first_sum + n, SUMS + n
        several |= some & mine
        some |= mine
        frame.there[chain, :, slot], frame.most[chain, :, slot] = mine, stores.reserve_kw[:, None]
        frame.row[holder, :, row] = mine
        frame.entry[holder, :, row, slot] = -1.0
        for r in members:
            frame.entry[holder, :, row, PRODUCTS + r] = 1.0
        frame.entry[holder, :, ROOM + side, slot] = frame.entry[holder, :, CAP + side, slot] = 1.0
        if long.hours > 0.0:
            sustained |= mine
            frame.entry[holder, :, END + side, slot] = frame.entry[holder, :, BEGIN + side, slot] = long.hours * per
            frame.entry[holder, :, WINDOW + side, slot] = long.most_h * per
        if len(registers):  # what is held in an ISP takes the place of what was held longest ago
            into = registers[time % len(registers)]
            frame.stores[np.ix_(chain, registers)] = True
            frame.change[chain, :, slot], frame.device[chain, :, slot] = long.most_h * per, into
            for k in registers.tolist():
                frame.kept[chain, :, k] = into != k
                frame.high[chain, :, k] = (long.most_h * stores.reserve_kw * per.max(axis=1))[:, None]
                frame.before[holder, 1:, WINDOW + side, k] = 1.0
        for back in range(1, long.isps):
            reached[:, back:] |= mine[:, :-back]
    frame.row[holder, :, ROOM + side], frame.row[holder, :, CAP + side] = some, several
    frame.row[holder, :, END + side], frame.row[holder, :, WINDOW + side] = sustained, reached
    frame.right[holder, :, CAP + side] = stores.reserve_kw[:, None]
    _fill_power(frame, stores, holder, side)
    _fill_energy(frame, stores, holder, side, sustained)


def _fill_power(frame: Frame, stores: LoneStores, holder: Ints, side: int) -> None:
    """Up: Σ held <= power + what can be discharged. Down: Σ held <= what can be charged − power."""
    charge, discharge = stores.limits_kw
    sign = 1.0 if side else -1.0
    frame.entry[holder, :, ROOM + side, CHARGE], frame.entry[holder, :, ROOM + side, DISCHARGE] = sign, -sign
    frame.right[holder, :, ROOM + side] = charge - stores.fixed_kw if side else discharge + stores.fixed_kw


def _fill_energy(frame: Frame, stores: LoneStores, holder: Ints, side: int, sustained: Bools) -> None:
    """Up: Σ hours·held·γ <= e − floor, at the end of an ISP and at its beginning. Down: <= ceiling − e.

    The energy at the end is stated by that at the beginning.
    """
    sign, kept, start = (1.0 if side else -1.0), stores.scalars[:, RETENTION], stores.scalars[:, START]
    bound = stores.owed[:, CEILING] if side else -stores.owed[:, FLOOR]
    for row in (END + side, WINDOW + side):
        frame.entry[holder, :, row, CHARGE] = sign * stores.gain
        frame.entry[holder, :, row, DISCHARGE] = -sign * stores.drain
        frame.before[holder, :, row, 0] = sign * kept[:, None]
        frame.right[holder, :, row] = bound - sign * stores.fixed_kwh
        frame.right[holder, 0, row] -= sign * kept * start
    limit = stores.owed[:, BEFORE_CEILING] if side else -stores.owed[:, BEFORE_FLOOR]
    known = np.isfinite(limit)
    frame.row[holder, :, BEGIN + side] = sustained & known
    frame.before[holder, :, BEGIN + side, 0] = sign
    right = np.where(known, limit, 0.0)
    right[:, 0] = np.maximum(right[:, 0] - sign * start, 0.0)
    frame.right[holder, :, BEGIN + side] = right
    frame.before[holder, 0] = 0.0


def fill_solar(frame: Frame, forecast: Floats, pinned: Floats, eur: Floats, chain: Ints, slot: Ints) -> None:
    """Write generators (U,) to slots of their chains; forecast and pinned (U,T) kW, eur (U,) per kW curtailed."""
    free = np.isnan(pinned)
    np.add.at(frame.fixed_kw, chain, np.where(free, forecast, pinned))
    frame.there[chain, :, slot], frame.most[chain, :, slot] = free & (-forecast > NOTHING_KW), -forecast
    frame.cost[chain, :, slot] = eur[:, None]
