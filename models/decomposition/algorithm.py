"""The decomposition on one page. Source: docs/explanation/optimisation.md §3.

Prices on what couples the units (balance, congestion points, reserve) let every unit answer alone. Any prices prove a
bound on the cost of all programs; the answers to several prices, mixed, approach a program that costs as little.
"""

from models.decomposition.cycles import Cycle, aim_of, efforts, promising
from models.decomposition.protocols import Steps
from models.decomposition.stopping import CycleLimit, Stalled, StopReason
from models.decomposition.tuning import Cycles


def optimise(steps: Steps, *, relative_gap: float, tuning: Cycles) -> StopReason:
    """Run the steps until one of the rules says why to stop; the best program and bound stay with the steps."""
    stalled, limit = Stalled(tuning=tuning), CycleLimit(most=tuning.most)
    done: list[Cycle] = []
    stop: StopReason | None = None
    from_sample = steps.first_prices()
    while stop is None:
        aim_eur = aim_of(done, tuning) * relative_gap * max(steps.gross_cost_eur(), 1e-9)

        # Find prices, whose bound is high, and generate columns: answers to these prices that fit together.
        for effort in efforts(done, tuning, from_sample=from_sample):
            if effort.search_rounds:
                steps.search_prices(rounds=effort.search_rounds, aim_eur=aim_eur)
            enough_eur = effort.close * relative_gap * steps.gross_cost_eur()
            steps.generate_columns(rounds=effort.generation_rounds, first_step=effort.first_step, enough_eur=enough_eur)
            if steps.interrupted():
                break

        # Mix the columns as well as a linear program can.
        mixture_eur = steps.solve_master_lp(aim_eur=aim_eur)
        if mixture_eur is None:
            stop = StopReason.NO_MIXTURE
            break
        done.append(Cycle(gap_eur=mixture_eur - steps.bound_eur(), asked_eur=relative_gap * steps.gross_cost_eur()))

        # Recover a program from the mixture where that may be the last, or is worth it.
        stop = stalled.reason(done) or steps.interrupted()
        if stop or done[-1].within(tuning.good):
            steps.settle_indivisible(aim_eur=aim_eur)
            steps.recover_program()
        elif promising(done, tuning):
            steps.recover_program()
        steps.report()

        # Stop where the gap is proven, or nothing more is to be had.
        stop = stop or steps.proven() or steps.interrupted() or limit.reason(done)
    if not steps.has_program():
        steps.recover_program()
        steps.report()
    return steps.proven() or steps.interrupted() or stop
