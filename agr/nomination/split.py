"""Splits a plan between balance responsible parties (BRPs): what each one's connections take, and who buys it. Pure.

Power is (B,T), kW, one row per BRP; consumption and purchases are positive. A BRP that is balanced by itself has
positions of its own in the plan; those that are balanced together share theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.domain.e_program import EProgram
from agr.planning.case import CLASSES
from agr.planning.difference import Solved

Floats = NDArray[np.float64]
W_PER_KW = 1000.0


@dataclass(frozen=True, kw_only=True, eq=False)
class BrpSplit:
    """A plan between BRPs; in each ISP, `power_kw` is the sum of the three others, up to rounding errors."""

    power_kw: Floats  # (B,T)
    day_ahead_kw: Floats  # (B,T)
    intraday_kw: Floats  # (B,T)
    imbalance_kw: Floats  # (B,T) short is positive
    unknown_kw: Floats  # (T,) taken behind connections of BRPs that the settings do not know; nobody is told of it
    unknown: tuple[str, ...]  # those BRPs

    def program(self, place: int) -> EProgram:
        """Return the e-program of one BRP. Intraday trade takes what rounding to whole W leaves."""
        power, day_ahead, imbalance = (
            np.rint(values[place] * W_PER_KW).astype(int).tolist()
            for values in (self.power_kw, self.day_ahead_kw, self.imbalance_kw)
        )
        return EProgram(
            power_w=tuple(power), day_ahead_w=tuple(day_ahead), imbalance_w=tuple(imbalance),
            intraday_w=tuple(p - d - i for p, d, i in zip(power, day_ahead, imbalance, strict=True)),
        )  # fmt: skip


def power_of(
    solved: Solved, connection_of: Mapping[str, str], brp_of: Mapping[str, str | None], brps: Sequence[str]
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return what the connections of each BRP take (B,T), what those of unknown BRPs take (T,), and these BRPs.

    Resources without a known connection, and connections without a BRP, belong to the first BRP.
    """
    case, place = solved.named.case, {name: i for i, name in enumerate(brps)}
    found, strange = np.zeros((len(brps) + 1, case.isps)), set[str]()
    for units in CLASSES:
        rows = []
        for name in solved.named.of(units.name):
            brp = brp_of.get(connection_of.get(name, "")) or brps[0]
            rows.append(place.get(brp, len(brps)))
            if brp not in place:
                strange.add(brp)
        np.add.at(found, np.array(rows, dtype=np.int64), units.power_kw(case, solved.outcome.programs))
    return found[:-1], found[-1], tuple(sorted(strange))


def split(
    solved: Solved, power: tuple[Floats, Floats, tuple[str, ...]], brps: Sequence[str],
    day_ahead_kw: Floats | None = None,
) -> BrpSplit:  # fmt: skip
    """Return the plan between BRPs: each balancing group of the plan between its own.

    `power`: from `power_of`. `day_ahead_kw` (B,T): who has bought what day-ahead, once that is fixed; what was awarded
    otherwise since is shared like what is still to be bought. Before, each buys day-ahead what it takes, but for what
    the plan buys and sells later.
    """
    outcome, (power_kw, unknown_kw, unknown) = solved.outcome, power
    names = solved.named.case.balancing_groups.name
    groups = [(np.arange(len(power_kw)), outcome.day_ahead_kw, outcome.short_kw - outcome.long_kw)]
    if names:
        own = np.array([names.index(brp) if brp in names else -1 for brp in brps])
        pool = next((g for g in range(len(names)) if g not in own), -1)
        rows_of = [np.flatnonzero(own == (g if g != pool else -1)) for g in range(len(names))]
        groups = list(zip(rows_of, outcome.group_day_ahead_kw, outcome.group_imbalance_kw, strict=True))
    found = np.zeros((3, *power_kw.shape))
    for rows, bought_kw, imbalance_kw in groups:
        if not len(rows):
            continue
        # Of what unknown BRPs take nobody is told, so what is bought for it is not shared out either.
        elsewhere = unknown_kw if not names or pool < 0 or own[rows[0]] < 0 else np.zeros_like(unknown_kw)
        held = None if day_ahead_kw is None else day_ahead_kw[rows]
        found[:, rows] = _between(power_kw[rows], bought_kw - elsewhere, imbalance_kw, held)
    return BrpSplit(
        power_kw=power_kw, day_ahead_kw=found[0], intraday_kw=found[1], imbalance_kw=found[2],
        unknown_kw=unknown_kw, unknown=unknown,
    )  # fmt: skip


def _between(
    power_kw: Floats, bought: Floats, imbalance: Floats, day_ahead_kw: Floats | None
) -> tuple[Floats, Floats, Floats]:
    """Return day-ahead, intraday and imbalance (B,T) of BRPs that are balanced together, given the sums (T,)."""
    total = power_kw.sum(axis=0)
    if day_ahead_kw is None:
        day_ahead_kw = power_kw - shares(power_kw) * (total - bought)
    else:
        more = bought - day_ahead_kw.sum(axis=0)
        # What is known of each was rounded to whole W; shared out again, it would change from plan to plan.
        more = np.where(np.abs(more) * W_PER_KW <= len(power_kw), 0.0, more)
        day_ahead_kw = day_ahead_kw + shares(power_kw) * more
    open_kw = power_kw - day_ahead_kw
    same_way = np.maximum(open_kw * np.sign(imbalance), 0.0)
    imbalance_kw = np.where(same_way.any(axis=0), shares(same_way), shares(power_kw)) * imbalance
    return day_ahead_kw, open_kw - imbalance_kw, imbalance_kw


def shares(power_kw: Floats) -> Floats:
    """Return each row's share (B,T) of the sum of sizes in each ISP; equal shares where all are 0."""
    size = np.abs(power_kw)
    whole = size.sum(axis=0)
    equal = np.full_like(size, 1.0 / len(size))
    return np.asarray(np.divide(size, whole, out=equal, where=whole > 0), dtype=np.float64)


def crossing_kw(intraday_kw: Floats, itself: Sequence[bool]) -> Floats:
    """Return what BRPs buy intraday in an ISP while others sell as much (T,): it costs its spread.

    BRPs that are balanced together trade as one, so this is 0 between them.
    """
    alone = np.array(itself, dtype=np.bool_)
    parties = np.vstack([intraday_kw[alone], intraday_kw[~alone].sum(axis=0)[None, :]])
    bought, sold = np.maximum(parties, 0.0).sum(axis=0), np.maximum(-parties, 0.0).sum(axis=0)
    return np.asarray(np.minimum(bought, sold), dtype=np.float64)
