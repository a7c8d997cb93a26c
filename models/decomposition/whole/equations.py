"""Newton's equations of a whole LP at one iterate, and the directions that solve them.

Each chain is solved by itself, bordered by the levels of its peaks; the Schur complement of the linking rows gives the
step of the prices.
Source: docs/explanation/optimisation.md §3.9.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from models.case import Floats
from models.decomposition.whole.arrow import Arrow, Parts
from models.decomposition.whole.chains import Factors, factor, substitute
from models.decomposition.whole.lengths import raise_rates
from models.decomposition.whole.schur import Schur
from models.decomposition.whole.whole_lp import WholeIterate, WholeLp

_REFINED = 3
"""Most times that the step of the prices is refined by what linking rows still miss."""
_EXACT, _TINY_KW = 1e-4, 1e-7
"""What they may miss: as a share of what they missed before, and in any case."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bent:
    """Products of changes, EUR, by which a direction is corrected (Mehrotra's second-order terms)."""

    below: Floats | float = 0.0
    above: Floats | float = 0.0
    slack: Floats | float = 0.0
    beyond: Floats | float = 0.0

    @staticmethod
    def by(step: WholeIterate) -> "Bent":
        """Return the products that a step adds to those that its equations know."""
        return Bent(
            below=step.value * step.below, above=-step.value * step.above, slack=step.slack * step.dual,
            beyond=-step.beyond * step.dual,
        )  # fmt: skip


class NewtonSolver:
    """Arrays for the equations of a whole LP, used again at every iterate."""

    def __init__(self, lp: WholeLp) -> None:
        self.lp = lp
        blocks, c = lp.blocks, lp.blocks.chains
        self.schur = Schur(blocks, lp.linking.counts)
        self.parts = Parts.of(lp.linking.part, [lp.touched(), lp.others])
        self.factors = Factors(
            np.zeros(int(c.square_at[-1])), np.zeros(int(c.gain_at[-1])), np.zeros(int(c.value_at[-1]))
        )
        self.chain_of_variable = lp.isp // blocks.isps
        self.chain_of_energy = lp.isp_of_energy // blocks.isps
        self.levels = int(lp.rank.max(initial=-1)) + 1
        """Most levels of a chain"""

    def solve(self, right: Floats, right_e: Floats, miss: Floats) -> tuple[Floats, Floats]:
        """Return the changes of variables (n,), kW, and energies (k·T,), kWh.

        right (n,), right_e (k·T,): what variables and energies cost; miss (k·T,): by how much energies are missed, kWh.
        """
        x, energy = np.empty_like(right), np.empty_like(right_e)
        substitute(self.lp.blocks.chains, self.factors, right, right_e, miss, x, energy)
        return x, energy


class Equations:
    """Newton's equations at one iterate, factored. Raises LinAlgError where rounding has spoilt them."""

    def __init__(self, solver: NewtonSolver, z: WholeIterate, misses: tuple[Floats, Floats, Floats]) -> None:
        self.solver, self.z, self.misses = solver, z, misses
        lp = self.lp = solver.lp
        self.low, self.high, self.left = lp.widths(z)
        self.to_low, self.to_high, self.to_free, self.to_price = (
            1.0 / width for width in (self.low, self.high, z.dual, self.left)
        )
        self.to_high[lp.endless] = 0.0
        self.to_price[lp.hard] = 0.0
        self._within = (
            ("value", self.to_low, -1.0), ("value", self.to_high, 1.0), ("slack", 1.0 / z.slack, -1.0),
            ("beyond", _inverse(z.beyond), -1.0), ("below", 1.0 / z.below, -1.0), ("above", _inverse(z.above), -1.0),
            ("dual", self.to_free, -1.0), ("dual", self.to_price, 1.0),
        )  # fmt: skip
        curve = z.below * self.to_low + z.above * self.to_high
        self.row_curve = 1.0 / (z.slack * self.to_free + z.beyond * self.to_price)
        blocks, rows = lp.blocks, len(lp.blocks.right)
        of_variables, held, self.level_curve, self.others_curve = lp.parts(curve)
        of_energies = np.zeros(len(blocks.low))
        of_energies[blocks.held] = held
        np.add.at(of_energies, blocks.step_at, self.row_curve[rows:])
        factor(blocks.chains, of_variables, self.row_curve[:rows], of_energies, solver.factors)
        outputs = self._border()
        schur = solver.schur.add_up(solver.factors, outputs)
        weight = 1.0 / self.others_curve
        weight[lp.positions] = 0.0  # their bounds are so far apart that they would hide everything else
        schur += ((lp.others * weight) @ lp.others_back).toarray()
        schur[np.diag_indices_from(schur)] *= 1.0 + 1e-12
        self._factors = Arrow(solver.parts, schur)
        self._moved = self._factors.solve(lp.of_positions)
        self.bend = lp.of_positions.T @ self._moved
        """(p,p) how the prices of positions follow the positions, with all else free to follow"""
        own = self.bend + np.diag(self.others_curve[lp.positions])
        self._of_positions = linalg.cho_factor(own, lower=True, overwrite_a=True, check_finite=False)

    def _border(self) -> Floats:
        """Find how all follows levels; return what these add to outputs (B,p,T·O), as rows whose squares add up."""
        solver, lp, blocks = self.solver, self.lp, self.lp.blocks
        count, chains, outputs = solver.levels, len(blocks.family), blocks.output.shape[1]
        border = np.zeros((chains, count, count))
        border[:, np.arange(count), np.arange(count)] = 1.0
        added = np.zeros((chains, count, blocks.isps * outputs))
        self._followed = list[tuple[Floats, Floats]]()
        nothing, curve = np.zeros(len(blocks.low)), self.row_curve[lp.peaks]
        chain, rank = blocks.level_chain[lp.level], lp.rank[lp.level]
        for number in range(count):
            mine, there = np.flatnonzero(lp.rank == number), rank == number
            weight = np.zeros(len(blocks.right))
            weight[lp.peaks[there]] = -curve[there]
            x, energy = solver.solve(lp.rows_back @ weight, nothing, nothing)
            self._followed.append((x, energy))
            np.add.at(border, (chain, rank, np.full_like(rank, number)), -curve * (blocks.rows @ x)[lp.peaks])
            here = np.full(int(there.sum()), number)
            np.add.at(border, (chain[there], here, here), curve[there])
            border[blocks.level_chain[mine], number, number] += self.level_curve[mine] - 1.0
            for output in range(outputs):
                sums = np.bincount(lp.isp, x * blocks.output[:, output], chains * blocks.isps)
                added[:, number, output::outputs] = sums.reshape(chains, blocks.isps)
        self._root = np.linalg.inv(np.linalg.cholesky(border)) if count else border
        return np.asarray(self._root @ added)

    def _follow(self, x: Floats, energy: Floats, wanted: Floats) -> Floats:
        """Move levels (P,) as they are pulled, EUR per kW, let variables and energies follow; return their changes."""
        solver, lp, blocks = self.solver, self.lp, self.lp.blocks
        if not solver.levels:
            return wanted
        right = np.zeros((len(blocks.family), solver.levels, 1))
        right[blocks.level_chain, lp.rank, 0] = wanted
        moved = (np.swapaxes(self._root, 1, 2) @ (self._root @ right))[:, :, 0]
        for number, (of_x, of_energy) in enumerate(self._followed):
            x += of_x * moved[solver.chain_of_variable, number]
            energy += of_energy * moved[solver.chain_of_energy, number]
        return np.asarray(moved[blocks.level_chain, lp.rank])

    def _pulled(self, x: Floats, beside: Floats | float) -> Floats:
        """Return how levels (P,) are pulled by rows, given their values without levels, and what is known beside."""
        lp = self.lp
        rows = self.row_curve[lp.peaks] * (lp.blocks.rows @ x)[lp.peaks] + beside
        return np.asarray(np.bincount(lp.level, rows, len(lp.blocks.level_eur)), dtype=np.float64)

    def step(self, target: float, bent: Bent) -> WholeIterate:
        """Return the step to products of `target`, EUR, corrected by known products of changes."""
        z, lp, blocks = self.z, self.lp, self.lp.blocks
        miss_e, miss_rows, miss_linking = self.misses
        shift = (
            miss_rows + (target - bent.slack) * self.to_free - z.slack
            - (target - bent.beyond) * self.to_price + z.beyond
        )  # fmt: skip
        price = z.dual + self.row_curve * shift
        barrier = (target - bent.above) * self.to_high - (target - bent.below) * self.to_low
        of_variables, held, of_levels, of_others = lp.parts(barrier)
        rows = len(blocks.right)
        right = lp.cost + lp.priced @ z.prices + of_variables + lp.rows_back @ price[:rows]
        right_e = lp.end_cost + lp.before_back @ price[:rows]
        right_e[blocks.held] += held
        np.add.at(right_e, blocks.step_at, price[rows:])
        x, energy = self.solver.solve(right, right_e, miss_e)
        wanted = self._pulled(x, price[lp.peaks]) - blocks.level_eur - of_levels
        level = self._follow(x, energy, wanted)

        # With prices and positions as they are, this is the step; theirs follow from what the linking rows then miss.
        slope = lp.linking.cost + lp.others_back @ z.prices + of_others
        mine, nothing = lp.positions, np.zeros_like(energy)
        others, prices = -slope / self.others_curve, np.zeros_like(z.prices)
        others[mine] = 0.0
        missed, left = miss_linking + lp.adds @ x + lp.others @ others, slope[mine]
        for _ in range(_REFINED):
            position = -linalg.cho_solve(self._of_positions, left + self._moved.T @ missed, check_finite=False)
            aim = missed + lp.of_positions @ position
            change = self._factors.solve(aim)
            more, more_e = self.solver.solve(lp.priced @ change, nothing, nothing)
            more_level = self._follow(more, more_e, self._pulled(more, 0.0))
            x, energy, level, prices = x + more, energy + more_e, level + more_level, prices + change
            others_more = -(lp.others_back @ change) / self.others_curve
            others_more[mine] = position
            others += others_more
            enough = _EXACT * float(np.abs(missed).max(initial=0.0)) + _TINY_KW
            missed = missed + lp.adds @ more + lp.others @ others_more
            left = left + self.others_curve[mine] * position + lp.of_positions.T @ change
            if float(np.abs(missed).max(initial=0.0)) <= enough:
                break
        return self._with_multipliers(x, energy, level, others, prices, shift, target, bent)

    def _with_multipliers(
        self, x: Floats, energy: Floats, level: Floats, others: Floats, prices: Floats, shift: Floats, target: float,
        bent: Bent,
    ) -> WholeIterate:  # fmt: skip
        """Return the step, given the changes of values and prices."""
        z, lp = self.z, self.lp
        value = np.concatenate([x, energy[lp.blocks.held], level, others])
        dual = self.row_curve * (lp.drawn(x, energy, level) + shift)
        above = (target - bent.above + z.above * value) * self.to_high - z.above
        return WholeIterate(
            value=value, energy=energy,
            slack=(target - bent.slack - z.slack * dual) * self.to_free - z.slack,
            beyond=(target - bent.beyond + z.beyond * dual) * self.to_price - z.beyond,
            below=(target - bent.below - z.below * value) * self.to_low - z.below,
            above=above, dual=dual, prices=prices,
        )  # fmt: skip

    def rates(self, first: WholeIterate, second: WholeIterate, parts: Floats) -> tuple[Floats, Floats]:
        """Return the greatest rates (K,) at which anything shrinks along steps between two, of values and multipliers.

        parts (K,) of the way from the first step to the second.
        """
        most, dual_most = np.zeros(len(parts)), np.zeros(len(parts))
        for name, inverse, sign in self._within:
            into = most if name in ("value", "slack", "beyond") else dual_most
            raise_rates(getattr(first, name), getattr(second, name), inverse, sign, parts, into)
        return most, dual_most

    def gap_after(self, step: WholeIterate, far: float, dual_far: float) -> float:
        """Return the sum of all products after a step, EUR."""
        z = self.z
        value, dual = far * step.value, dual_far * step.dual
        return float(
            (self.low + value) @ (z.below + dual_far * step.below)
            + (self.high - value) @ (z.above + dual_far * step.above)
            + (z.slack + far * step.slack) @ (z.dual + dual)
            + (z.beyond + far * step.beyond) @ (self.left - dual)
        )  # fmt: skip


def _inverse(of: Floats) -> Floats:
    """Return inverses of positive numbers, and 0 of those that are zero: these stay."""
    return np.divide(1.0, of, out=np.zeros_like(of), where=of > 0.0)
