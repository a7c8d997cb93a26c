"""Every constant that shapes the course of the decomposition, in one frozen value that is passed to its steps.

A sentence for each says what it is, in which unit, and what grows with it. "The gap" is the gap asked for, in EUR: the
relative gap times gross cost. Guards against rounding (1e-9 and the like) stay beside the arithmetic they guard; what
only says where prices are answered, and how long a cluster is waited for, stays with the executors. How they were
found: benchmarks/measurements.md.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """How often the steps are repeated, and with how much work each time."""

    most: int = 12
    """Cycles of searching, generating and mixing at most; more of them, longer runs that cannot reach the gap."""
    first_aim: float = 0.7
    """Share of the gap that mixtures aim at, the rest being for recovery; more, sooner but rougher mixtures."""
    tightening: float = 0.5
    """Factor on that share after a good mixture whose programs missed the gap; more, more cycles until it is small."""
    search_rounds: int = 150
    """Rounds of a full price search at most; more, better bounds where progress is slow."""
    generation_rounds: int = 25
    """Rounds of column generation after a full search, at most; more, better mixtures and more pricing."""
    sampled_generation_rounds: int = 40
    """Rounds of the first column generation at a sample's prices, at most; more, better first mixtures."""
    sampled_rounds: int = 6
    """Rounds of the short search and generation that follow it; more, better bounds and more pricing."""
    first_step: float = 0.3
    """Step of prices, as a factor, with which the first column generation begins; more, balance sooner but dearer."""
    later_step: float = 30.0
    """Step of prices, as a factor, with which later ones begin; more, columns that balance sooner but cost more."""
    close: float = 2.0
    """Gaps from the bound at which column generation is close enough, by the master's own rough cost, which is about
    twice a mixture's; more, fewer rounds and worse mixtures. Without a sample, rounds go on until that cost stays."""
    nearly_close: float = 3.5
    """The same for the first column generation at a sample's prices, which a second one follows."""
    good: float = 1.05
    """Gaps within which a mixture is good: programs are made of it, the next aims at less; more, more recoveries."""
    narrow: float = 2.0
    """Gaps within which a miss is narrow: the next cycle gets rounds by the size of the miss; more, shorter cycles."""
    narrow_cycles: int = 3
    """First cycles in which a narrow miss is not recovered; more, fewer recoveries that come to nothing."""
    round_step: float = 0.15
    """Gaps of a narrow miss for which `least_rounds` more are made; more, fewer rounds."""
    least_rounds: int = 10
    """Rounds after a narrow miss, at least, and of the generation after indivisible units; more, more pricing."""
    most_rounds: int = 40
    """Rounds after a narrow miss, at most; more, more pricing."""
    stalled: float = 0.8
    """Share of the least gap so far above which a cycle has stalled; more, cycles count as progress more easily."""
    stalls: float = 2.0
    """Stalled cycles in a row that end the run; more, longer runs that cannot reach the gap."""
    narrow_stall: float = 0.25
    """How much of a stall one counts after a narrow miss, whose cycle is shorter; more, earlier ends."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """When the prices are first searched on a sample, and how exactly."""

    units: int = 3000
    """Units of a sample, about; more, prices that fit the whole better and take longer."""
    large: float = 2.5
    """How many samples' units a portfolio must have to be sampled; more, fewer portfolios are."""
    alike: float = 0.3
    """Share by which a sample may have more or fewer units at priced points than it should; more, rougher samples."""
    rounds: int = 120
    """Rounds of its search at most; more, better prices."""
    patience: int = 10
    """Rounds without progress that end its search; more, better prices and more rounds."""
    aim: float = 0.25
    """Share of the gap at which its search aims; more, earlier ends."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """The proximal bundle method."""

    rise: float = 1.6
    """Factor on the step after a round that kept its promise; more, faster and less steady searches."""
    fall: float = 0.6
    """Factor on the step after rounds that failed; more, slower and steadier searches."""
    least_step: float = 1e-3
    """The least step, as a factor; more, less patience with prices that must hardly move."""
    most_step: float = 1e4
    """The largest step, as a factor; more, freer prices."""
    serious: float = 0.1
    """Share of the promised gain from which new prices become the centre; more, fewer and safer moves."""
    kept_promise: float = 0.5
    """Share of the promised gain that may be missing where steps rise; more, steps rise more often."""
    failures: int = 4
    """Rounds in a row without a move before the step falls; more, longer trust in a step."""
    sweeps: int = 6
    """Sweeps of pairwise descent per round at most; more, better weights and more time between rounds."""
    unsolved: float = 1e-3
    """Share of the present gap that pairwise descent may leave unsolved; more, fewer sweeps."""
    waiting: float = 0.5
    """Share of what may be left unsolved below which groups, taken together, wait in a sweep; more, quicker sweeps."""
    patience: int = 15
    """Rounds over which progress is judged; more, later ends."""
    little: float = 0.25
    """Share of the aim below which progress over these rounds is none; more, earlier ends."""
    steps: tuple[float, float, float] = (2.0, 1.0, 1.0)
    """Factors on the steps of balance, congestion points and reserve; more, faster and less steady prices of each."""


@dataclass(frozen=True, kw_only=True)
class PointSearch:
    """The search of congestion points' own prices while those of the whole portfolio stay."""

    rounds: int = 20
    """Rounds at most; more, better bounds and more pricing of the units at priced points."""
    patience: int = 3
    """Rounds without progress that end it; more, better bounds. Many points gain in nearly every round."""
    aim: float = 0.3
    """Share of the gap at which it aims; more, earlier ends."""
    steps: tuple[float, float, float] = (0.0, 1.0, 0.0)
    """Factors on the steps of balance, congestion points and reserve: only the points' own prices move."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Column generation at the best prices."""

    shares: int = 4
    """Shares of the groups that are asked in turn; more, columns that know more of each other, and more sweeps."""
    sweeps: int = 1
    """Sweeps of pairwise descent per turn; more, better weights and more time between turns."""
    steeper: float = 2.0
    """Factor on the step by the time all groups have been asked; more, sooner balance and dearer columns."""
    steepest: float = 1e3
    """The largest step, as a factor; more, columns that fill smaller mismatches at any cost."""
    watched: int = 5
    """Rounds over which the master's cost is watched; more, later ends."""
    flat: float = 0.85
    """Share of its distance from the bound above which the cost has stayed; more, later ends."""
    steps: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors on the steps of balance, congestion points and reserve; more, faster and less steady prices of each."""


@dataclass(frozen=True, kw_only=True)
class ColumnPool:
    """The groups, and how many columns of each are kept."""

    unpriced_groups: int = 16
    """Groups into which the units of a kind at points without a price of their own are dealt; more, better mixtures
    and dearer sweeps."""
    memory_bytes: int = 250_000_000
    """Bytes of columns from which fewer are kept per group; more, more memory and better mixtures."""
    fewest: int = 14
    """Columns per group that are kept whatever the memory; more, more memory in large portfolios."""
    most: int = 40
    """Columns per group at most; more, more memory and slower sweeps."""
    idle_rounds: int = 12
    """Rounds without weight after which a column goes; more, fuller pools and slower sweeps."""


@dataclass(frozen=True, kw_only=True)
class PairwiseDescent:
    """The shift of weight between two columns of a group."""

    newton_steps: int = 6
    """Steps of Newton's method per pair at most; more, exacter shifts."""
    straightness: float = 0.1
    """Share of a pair's first slope that may be left; more, fewer steps."""


@dataclass(frozen=True, kw_only=True)
class MasterLp:
    """The linear program of the best mixture."""

    least_weight: float = 3e-3
    """Weight from which a column takes part; more, smaller programs and worse mixtures."""
    dropped_weight: float = 3e-4
    """Weight below which a column is dropped from the answer; more, fewer rounds to price again for programs."""
    gap: float = 0.04
    """Share of the aim to which it is solved; more, fewer steps and worse mixtures."""
    whole_steps: int = 64
    """Steps of a bid up to which whole ones are searched for; more, branching on more bids."""
    whole_gap: float = 0.5
    """Share of the aim to which branching on bids is solved; more, less branching and worse bids."""
    whole_time: float = 0.15
    """Share of the time left that branching may take; more, better bids and less time for the rest."""
    hard_eur_per_kw: float = 1e3
    """Slope that stands for "not allowed", EUR per kW of one ISP; finite, so that every bound stays valid. More,
    steeper costs where a search has not balanced yet."""


@dataclass(frozen=True, kw_only=True)
class InteriorPoint:
    """The interior-point method that solves it."""

    iterations: int = 100
    """Iterations at most, then HiGHS takes over; more, later surrender."""
    feasibility: float = 1e-5
    """Relative error of the rows that is allowed, since programs are made exact later; more, fewer iterations."""
    short: float = 0.1
    """Length of a step below which one to the middle is made instead: products are far apart; more, more of these."""
    middle: float = 0.5
    """Share to which products shrink in such a step; more, nearer to the middle and less progress."""
    correctors: int = 3
    """Gondzio's correctors per iteration at most; more, fewer iterations that cost more."""
    further: float = 0.3
    """How much longer a step each corrector tries for; more, bolder corrections."""
    around: float = 0.1
    """Share of the aimed product below which, and above whose inverse, a corrector acts; more, more corrections."""
    worthwhile: float = 0.02
    """Gain of both steps' length from which another corrector is worth it; more, fewer correctors."""
    least_product: float = 0.1
    """Share of the mean product at which first products are held at least; more, a first point nearer the middle."""
    piece_product: float = 10.0
    """First product of a piece of cost, in mean products of weights; more, pieces further from their bounds."""
    edge: float = 0.002
    """Share of a piece's room it begins away from its bounds at least; more, a first point nearer the middle."""
    midst: float = 0.3
    """Share of a piece's room it begins away from its bounds at most; more, a first point nearer the middle."""
    back: float = 0.995
    """Share of the way to the boundary that a step goes; more, longer steps and products further apart."""
    width_step: int = 32
    """Multiple to which the widths of packed columns are rounded up; more, fewer parts and more zeros in them."""
    shares: int = 2
    """Shares of the blocks, each in a thread of its own, whatever the machine has, so that sums are always the same;
    more, more threads."""
    chunk: int = 1024
    """Columns whose products are formed at once; more, fewer calls and more memory."""


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The choice of programs for units that cannot mix."""

    choice_passes: int = 3
    """Passes over the switched units to choose among their own answers; more, choices that fit together better."""
    descent_passes: int = 4
    """Passes of coordinate descent at most; more, better states and more time."""
    descent_gain: float = 0.02
    """Share of the aim that a pass must gain for another to follow; more, fewer passes."""


@dataclass(frozen=True, kw_only=True)
class PartAgain:
    """Planning a part of a portfolio again."""

    program_gap: float = 1e-3
    """Share of the gap to which its program is planned; more, quicker plans that use up more of the gap."""
    program_gap_with_bids: float = 5e-2
    """The same where bids must be searched for; more, quicker plans."""
    price_aim: float = 1e-2
    """Share of the gap at which the search of its points' prices aims; more, earlier ends and worse bounds."""
    rounds: int = 200
    """Rounds of that search at most; more, better bounds."""
    patience: int = 15
    """Rounds without progress that end it; more, better bounds. A single point fails in most rounds."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """All of it."""

    cycles: Cycles = field(default_factory=Cycles)
    sampling: Sampling = field(default_factory=Sampling)
    search: Search = field(default_factory=Search)
    points: PointSearch = field(default_factory=PointSearch)
    generation: Generation = field(default_factory=Generation)
    pool: ColumnPool = field(default_factory=ColumnPool)
    pairs: PairwiseDescent = field(default_factory=PairwiseDescent)
    master: MasterLp = field(default_factory=MasterLp)
    interior: InteriorPoint = field(default_factory=InteriorPoint)
    recovery: Recovery = field(default_factory=Recovery)
    part: PartAgain = field(default_factory=PartAgain)


DEFAULT = Tuning()
"""What every figure in the documentation was measured with."""
