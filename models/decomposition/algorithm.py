"""The decomposition on one page. Source: docs/explanation/optimisation.md §3.

Prices on what couples the units (balance, congestion points, reserve) let every unit answer alone. Any prices prove a
lower bound of the cost of all programs; mixtures of the answers to several prices approach a program at that cost.
"""

from models.decomposition.cycles import Cycle, aim_of, efforts, promising
from models.decomposition.protocols import Steps
from models.decomposition.stopping import CycleLimit, Stalled, StopReason
from models.decomposition.tuning import Cycles


def optimise(steps: Steps, *, relative_gap: float, tuning: Cycles) -> StopReason:
    """Run the steps until a rule stops them, and return its reason; the best program and bound stay in `steps`."""
    stalled, limit = Stalled(tuning=tuning), CycleLimit(most=tuning.most)
    done: list[Cycle] = []
    stop: StopReason | None = None
    from_sample = steps.first_prices()
    while stop is None:
        aim_eur = aim_of(done, tuning) * relative_gap * max(steps.gross_cost_eur(), 1e-9)

        # Find prices with a high bound, and generate columns: answers near these prices that fit together.
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

        # Recover a program from the mixture if it may be the last one, or promises a better program.
        stop = stalled.reason(done) or steps.interrupted()
        if stop or done[-1].within(tuning.good):
            steps.settle_indivisible(aim_eur=aim_eur)
            steps.recover_program()
        elif promising(done, tuning):
            steps.recover_program()
        steps.report()

        # Stop if the gap is proven, or if no further progress can be expected.
        stop = stop or steps.proven() or steps.interrupted() or limit.reason(done)
    if not steps.has_program():
        steps.recover_program()
        steps.report()
    return steps.proven() or steps.interrupted() or stop
