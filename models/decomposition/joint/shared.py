"""What the devices of a connection share, and the working arrays of a thread that answers for connections. Compiled.

Source: docs/explanation/optimisation.md §3.1.
"""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled
from models.decomposition.joint.connection_lp import ConnectionLp, Iterate, Newton, new_iterate, new_lp, new_newton
from models.resources.storage.layout import StoreWorkspace, new_store_workspace

NOTHING = 1e-9
"""Power, kW, that counts as none."""


class Shared(NamedTuple):
    """What the devices of M connections share; prices in EUR per kW of one ISP. Rooms: limits less what is fixed."""

    store_at: Ints  # (M+1,) where each connection's stores begin
    store: Ints  # positions among all stores
    solar_at: Ints  # (M+1,)
    solar_kw: Floats  # (n,T) forecast
    solar_pinned_kw: Floats  # (n,T) NaN where free
    solar_eur: Floats  # (n,) per kW curtailed
    limit_at: Ints  # (M+1,)
    import_room_kw: Floats  # (l,T) inf where it cannot bind
    export_room_kw: Floats  # (l,T)
    limit_eur: Floats  # (l,)
    tariff_of: Ints  # (M,) row of the tariff, −1 for none
    linear_eur: Floats  # (n,T)
    kink_eur: Floats  # (n,T) what import costs on top of that
    fixed_kw: Floats  # (n,T) what fixed units draw
    peak_at: Ints  # (M+1,)
    peak_eur: Floats  # (p,) per kW
    peak_reached_kw: Floats  # (p,)
    peak_inside: Floats  # (p,T) 1 where import counts and may make the peak
    up: Floats  # (R,) 1 where a product takes the side up
    down: Floats  # (R,)


class NotedPrices(NamedTuple):
    """The prices of what M connections share in the answers last given, zero before. EUR per kW of one ISP."""

    imports: Floats  # (l,T) of limits
    exports: Floats  # (l,T)
    kink: Floats  # (n,T) of what import costs on top
    peaks: Floats  # (p,T)


class Workspace(NamedTuple):
    """The working arrays of a thread, and the answer: for K stores, J solar systems, R products."""

    tables: Floats  # (K,7,T)
    scalars: Floats  # (K,…)
    answers: Floats  # (K,4,T) power, energy, unmet, excess
    held: Floats  # (K,R,T)
    solar: Floats  # (J,T)
    tried: Floats  # (K,4,T)
    tried_held: Floats  # (K,R,T)
    tried_solar: Floats  # (J,T)
    price: Floats  # (T,)
    sides: Floats  # (3,T)
    drawn: Floats  # (3,T) power, the most with reserve, the least, of the programs last looked at
    drawn_now: Floats  # (T,) power of the answer
    duals: Floats  # (2·L+1+P,T) import limits, export limits, kink, peaks
    x: Floats  # (K,T) changes of energy
    alone: Floats  # (K,) own cost of the answers that devices give alone, EUR
    kept_rows: Floats  # (3,T) rows of a store's table while it answers beside others
    keep: Floats  # (K,2,T) lowest and highest energy from which the band can be kept
    variable: Ints  # (K,5,T) of each store: charge, discharge, reserve up, down, both; −1 for none
    sums: Ints  # (2·K+J,) what adds up to power in an ISP: variables, −1 − those of discharging
    respond: int  # where models.resources.storage.kernel.respond_one is
    work: StoreWorkspace
    lp: ConnectionLp
    iterate: Iterate
    step: Iterate
    bent: Iterate
    newton: Newton


@compiled
def new_workspace(
    isps: int, products: int, scalars: int, stores: int, solars: int, limits: int, peaks: int, end_steps: int,
    respond: int,
) -> Workspace:  # fmt: skip
    """Return working arrays for connections of at most so many stores, solar systems, limits and peaks."""
    variables, rows = 5 * stores + solars, 4 * stores + 2 * limits + 1 + peaks
    entries = max(3 * stores + solars, 3)
    return Workspace(
        np.zeros((stores, 7, isps)), np.zeros((stores, scalars)), np.zeros((stores, 4, isps)),
        np.zeros((stores, products, isps)), np.zeros((solars, isps)), np.zeros((stores, 4, isps)),
        np.zeros((stores, products, isps)), np.zeros((solars, isps)), np.zeros(isps), np.zeros((3, isps)),
        np.zeros((3, isps)), np.zeros(isps), np.zeros((2 * limits + 1 + peaks, isps)), np.zeros((stores, isps)),
        np.zeros(stores), np.zeros((3, isps)),
        np.zeros((stores, 2, isps)), np.zeros((stores, 5, isps), dtype=np.int64),
        np.zeros(2 * stores + solars, dtype=np.int64),
        respond, new_store_workspace(isps, products, scalars),
        new_lp(isps, variables, rows, entries, stores, end_steps, peaks),
        new_iterate(isps, variables, rows, stores, end_steps, peaks),
        new_iterate(isps, variables, rows, stores, end_steps, peaks),
        new_iterate(isps, variables, rows, stores, end_steps, peaks),
        new_newton(isps, variables, rows, stores, end_steps, peaks),
    )  # fmt: skip
