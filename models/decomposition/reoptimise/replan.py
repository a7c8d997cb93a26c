"""Plans a part of a portfolio again and proves the bound of the whole; the fixed remainder is not priced.

At the portfolio prices of the plan before, the remainder could do better by a known amount, the *dual slack*, whatever
the part does. So the part's own Lagrangian bound at these prices, with the slack, bounds the whole portfolio. The
prices of the part's congestion points are searched; the reference formulation makes its program.
Source: docs/explanation/optimisation.md §3.6.
"""

from dataclasses import replace
from time import perf_counter

import numpy as np

from models.assembly import proven_eur
from models.case import Case, Duals, FixedRemainder
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.congestion_point_prices import search_point_prices
from models.decomposition.prices.dual_prices import DualPrices, carried, duals, shadow
from models.decomposition.prices.grouping import Grouping, group_units
from models.decomposition.prices.pricing import LocalPricing, Pricing
from models.decomposition.prices.search_state import first_state
from models.decomposition.tuning import DEFAULT, PartAgain, Tuning
from models.errors import CaseError
from models.objective import energy_terms
from models.outcome import Outcome, Termination
from models.reference.problem import solve as reference
from models.response import limited
from models.work_clock import now

_ROUNDING = 1e-9  # MW


def dual_slack_eur(before: Case, *, tuning: Tuning = DEFAULT) -> float:
    """Return how much better the remainder could do at a part's prices, EUR; `before` is the part as it was planned.

    Raises CaseError for a case that is no part, or has no prices.
    """
    start, _ = _known(before)
    grouping = group_units(before, tuning.pool.unpriced_groups)
    return (
        _bound_eur(RestrictedMaster(before, grouping, tuning), before, grouping, carried(start, grouping))
        + start.bound_eur
    )


def replan(
    part: Case, *, relative_gap: float, time_limit_s: float, threads: int = 2, tuning: Tuning = DEFAULT
) -> Outcome:
    """Return the best outcome found for a part whose `remainder.dual_slack_eur` is known, with the bound of the whole.

    It ends as `gap open` where that bound is too far away: then the whole portfolio must be planned. Raises CaseError
    for a case that is no part, or has no prices.
    """
    with limited(threads):
        return _planned(part, relative_gap, time_limit_s, threads, tuning)


def _planned(part: Case, relative_gap: float, time_limit_s: float, threads: int, tuning: Tuning) -> Outcome:
    began = perf_counter()
    start, remainder = _known(part)
    found = _program(part, tuning.part, relative_gap=relative_gap, time_limit_s=time_limit_s, threads=threads)
    if found.termination is Termination.NO_PROGRAM:
        return found
    searched = perf_counter()
    grouping = group_units(part, tuning.pool.unpriced_groups)
    pricing = LocalPricing(part, grouping)
    centre, bound = _best_prices(
        part, grouping, pricing, start, tuning.part.price_aim * relative_gap * found.gross_cost_eur, tuning
    )  # fmt: skip
    bound = proven_eur(
        -bound + remainder.dual_slack_eur, objective_eur=found.objective_eur, gross_cost_eur=found.gross_cost_eur
    )
    marginal = shadow(part, grouping, centre, pricing.joint_limits(centre.scenario()))
    point_kw = np.vstack([found.point_kw, found.total_kw - found.point_kw.sum(axis=0)])
    energy = energy_terms(part, found.programs, point_kw, marginal)
    gap = bound - found.objective_eur
    return replace(
        found,
        termination=Termination.OPTIMAL if gap <= relative_gap * found.gross_cost_eur else Termination.GAP_OPEN,
        bound_eur=bound,
        gap_eur=gap,
        shadow=marginal,
        point_terms_eur=found.point_terms_eur | {"energy": energy},
        solver=f"part of a portfolio, {found.solver}",
        seconds=found.seconds | {"prices": perf_counter() - searched, "part": searched - began},
        duals=duals(part, grouping, centre, bound),
    )


def _program(
    part: Case, tuning: PartAgain, *, relative_gap: float, time_limit_s: float, threads: int
) -> Outcome:  # fmt: skip
    """Return the part's best program with the bids there are, or with others where these cannot be held any more.

    Bids are made for the whole portfolio: a part alone hardly ever moves one, and searching for others takes longest.
    """
    bids = _known(part)[1].bids_mw
    made = tuple(replace(reserve, committed_mw=mw) for reserve, mw in zip(part.reserves, bids, strict=True))
    began = now()
    found = reference(
        replace(part, reserves=made),
        relative_gap=tuning.program_gap * relative_gap,
        time_limit_s=time_limit_s,
        threads=threads,
    )
    if not _short_of_free_bids(part, found):
        return found
    left = max(time_limit_s - (now() - began), 0.0)
    return reference(part, relative_gap=tuning.program_gap_with_bids * relative_gap, time_limit_s=left, threads=threads)


def _short_of_free_bids(part: Case, found: Outcome) -> bool:
    """Return whether a bid that is still free cannot be held; only awarded bids may be short."""
    for reserve, short_mw in zip(part.reserves, found.reserve_shortfall_mw, strict=True):
        free = np.append(np.isnan(reserve.committed_mw), np.False_)[reserve.block]  # block −1 reads the last entry
        if bool((short_mw[free] > _ROUNDING).any()):
            return True
    return False


def _known(part: Case) -> tuple[Duals, FixedRemainder]:
    if part.remainder is None or part.start is None or np.isnan(part.start.bound_eur):
        raise CaseError("remainder: the case is no part of a portfolio that was planned with prices")
    return part.start, part.remainder


_PORTFOLIO = ("balance", "reserve", "called")


def _best_prices(
    part: Case, grouping: Grouping, pricing: Pricing, start: Duals, aim_eur: float, tuning: Tuning
) -> tuple[DualPrices, float]:
    """Return the congestion points' best prices at given portfolio prices, and the bound of the cost there.

    The dual slack is known at these portfolio prices only, so they stay the same to the last bit. Raises CaseError
    where they are not within the slopes of the part's couplings.
    """
    master = RestrictedMaster(part, grouping, tuning)
    kept = _portfolio_kept(master, carried(start, grouping))
    inside = master.within(kept)
    if any(not np.array_equal(getattr(inside, name), getattr(kept, name)) for name in _PORTFOLIO):
        raise CaseError("start: the portfolio's prices do not fit its markets; they are not the case's own")
    state = first_state(master, pricing, inside)
    search_point_prices(
        master, pricing, state, aim_eur=aim_eur, rounds=tuning.part.rounds, patience=tuning.part.patience,
        points=tuning.points, search=tuning.search, interrupted=lambda: None,
    )  # fmt: skip
    return state.centre, state.centre_eur


def _portfolio_kept(master: RestrictedMaster, prices: DualPrices) -> DualPrices:
    """Return prices at which the remainder sees what it saw before, even where nobody can be called any more."""
    if master.any_reserved:
        return prices
    return replace(prices, reserve=prices.reserve + prices.called, called=np.zeros_like(prices.called))


def _bound_eur(master: RestrictedMaster, case: Case, grouping: Grouping, prices: DualPrices) -> float:
    totals = LocalPricing(case, grouping).respond(prices.scenario())
    return master.bound(prices, float(totals.bound_eur.sum()))
