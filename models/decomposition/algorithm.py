"""The decomposition on one page. Source: docs/explanation/optimisation.md §3.

Prices on what couples the units (balance, congestion points, reserve) let every unit answer alone. Any prices prove a
lower bound of the cost of all programs; mixtures of the answers to several prices approach a program at that cost.

In a round, groups of units answer one set of prices; their answers, added up by group, are columns. In a cycle, rounds
search for prices that prove more, rounds at nearby prices generate columns that fit together, and a linear program
mixes all columns.

A gap is the distance of a cost to the bound. Three have names: `relative_gap` is what the caller wants of the program,
and `asked` what this part of the run is content with, as shares of gross cost (Σ |term|, so that a portfolio that earns
nearly nothing has a gap, too); `aim_eur` is a smaller one, the tolerance that the steps of one cycle work with.

Nothing here knows a resource class or a market: see models.resources.registry and models.markets.registry.
"""

from models.decomposition.cycles import Cycle, aim_of, efforts, promising
from models.decomposition.protocols import Steps
from models.decomposition.stopping import CycleLimit, Stalled, StopReason
from models.decomposition.tuning import Cycles


def optimise(steps: Steps, *, relative_gap: float, tuning: Cycles) -> StopReason:
    """Run the steps until a rule stops them, and return its reason; the best program and bound stay in `steps`.

    DecompositionSteps (steps.py) carries them out; tests script others.
    """
    stalled, limit = Stalled(tuning=tuning), CycleLimit(most=tuning.most)
    done: list[Cycle] = []
    stop: StopReason | None = None
    # A smaller gap is asked for only once a wider one is proven, so that asking for less never returns a worse program.
    asked = max(relative_gap, tuning.wide_gap)
    from_sample = steps.first_prices()
    if steps.has_program():  # behind connections all may be one linear program, which is then solved first
        stop = steps.proven(relative_gap) or steps.interrupted()
    while stop is None:
        # Above 0 even where gross cost is 0, so that the steps have some tolerance.
        aim_eur = aim_of(done, tuning) * asked * max(steps.gross_cost_eur(), 1e-9)

        # Raise the bound, choose whole bids, then collect answers to nearby prices that can be mixed to a balance. How
        # many rounds each gets depends on how near the cycles before came; the first cycle may do so twice.
        for effort in efforts(done, tuning, from_sample=from_sample):
            if effort.search_rounds:
                steps.search_prices(rounds=effort.search_rounds, aim_eur=aim_eur)
            steps.commit_bids(aim_eur=aim_eur)
            enough_eur = effort.close * asked * steps.gross_cost_eur()
            steps.generate_columns(rounds=effort.generation_rounds, first_step=effort.first_step, enough_eur=enough_eur)
            if steps.interrupted():
                break

        # Mix the columns as well as a linear program can.
        mixture_eur = steps.solve_master_lp(aim_eur=aim_eur)
        if mixture_eur is None:
            stop = StopReason.NO_MIXTURE  # also without time left, in which case the last line returns that reason
            break
        done.append(Cycle(gap_eur=mixture_eur - steps.bound_eur(), asked_eur=asked * steps.gross_cost_eur()))

        # Make a program for every unit where the run stalled, was interrupted, or the mixture is good; what cannot mix
        # (runs, switched units) is settled first. A mixture that is only promising becomes a program as it is, in case
        # no better one follows: settling takes rounds, and they are not worth it while the gap is wide.
        stop = stalled.reason(done) or steps.interrupted()
        if stop or done[-1].within(tuning.good):
            steps.settle_indivisible(aim_eur=aim_eur)
            steps.recover_program()
        elif promising(done, tuning):
            steps.recover_program()
        steps.report()

        # Stop if the gap is proven, or if no further progress can be expected. Once the wider gap is proven, the record
        # of cycles begins anew for the one that the caller wants.
        stop = stop or steps.proven(asked) or steps.interrupted() or limit.reason(done)
        if stop is StopReason.PROVEN and asked > relative_gap:
            asked, done, stop = relative_gap, [], steps.proven(relative_gap)
    if not steps.has_program():
        steps.recover_program()
        steps.report()
    return steps.proven(relative_gap) or steps.interrupted() or stop
