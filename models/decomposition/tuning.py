"""Every constant that shapes the course of the decomposition, in one frozen value that is passed to its steps.

Each constant is explained by what it is, its unit, and, after "Larger:", what a larger value does. "The gap" is the gap
asked for, in EUR: the relative gap times gross cost. A factor on the step of prices multiplies the step that
`RestrictedMaster.set_steps` gives a coupling. Guards against rounding (1e-9 and the like) stay beside the arithmetic
they guard, those of compiled code beside its loops; what only says where prices are answered, and how long a cluster
is waited for, stays with the executors.
How the values were found: benchmarks/measurements.md.
"""

from dataclasses import dataclass, field

from models.decomposition.master_tuning import (
    ColumnPool,
    InteriorPoint,
    LoneLps,
    MasterLp,
    PairwiseDescent,
    PriceSteps,
    WholeLps,
)


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """How often the steps are repeated, and how much work they do each time."""

    most: int = 12
    """Most cycles of searching, generating and mixing. Larger: runs that cannot reach the gap last longer."""
    wide_gap: float = 1e-3
    """Relative gap that is proven first where a smaller one is asked for. Larger: programs come sooner, small gaps
    later."""
    first_aim: float = 0.7
    """Share of the gap that the first mixture aims at; recovery may use the rest. Larger: mixtures are found sooner but
    are rougher."""
    tightening: float = 0.5
    """Factor on that share after a good mixture whose programs missed the gap. Larger: it takes more cycles to aim
    closely."""
    search_rounds: int = 150
    """Most rounds of a full price search. Larger: bounds are better where progress is slow."""
    generation_rounds: int = 25
    """Most rounds of column generation after a full search. Larger: mixtures are better, and pricing takes longer."""
    sampled_generation_rounds: int = 40
    """Most rounds of the first column generation at a sample's prices. Larger: the first mixture is better."""
    sampled_rounds: int = 6
    """Rounds of the short search and generation after that one. Larger: bounds are better, and pricing takes longer."""
    first_step: float = 0.3
    """Factor on the step of prices at the start of the first column generation. Larger: columns balance sooner but cost
    more."""
    later_step: float = 30.0
    """The same factor at the start of every later column generation. Larger likewise."""
    close: float = 2.0
    """Distance to the bound, in multiples of the gap, at which column generation ends. It is measured by the master's
    rough cost, which lies about twice as far from the bound as a mixture's. Larger: fewer rounds and worse mixtures.
    Without a sample, rounds go on until that cost stays."""
    nearly_close: float = 3.5
    """The same for the first column generation at a sample's prices, which a second one follows."""
    good: float = 1.05
    """Distance to the bound, in multiples of the gap, up to which a mixture is good: a program is recovered from it,
    and the next mixture aims at less. Larger: more recoveries."""
    narrow: float = 2.0
    """Distance to the bound, in multiples of the gap, up to which a mixture has missed narrowly: the size of the miss
    then decides how many rounds the next cycle gets. Larger: more cycles are short."""
    narrow_cycles: int = 3
    """Number of first cycles whose narrow misses are not recovered. Larger: fewer recoveries that come to nothing."""
    round_step: float = 0.15
    """Size of a narrow miss, in multiples of the gap, that adds `least_rounds` rounds to the next cycle. Larger: fewer
    rounds."""
    least_rounds: int = 10
    """Least rounds after a narrow miss, and rounds of the generation around settled units. Larger: pricing takes
    longer."""
    most_rounds: int = 40
    """Most rounds after a narrow miss. Larger: pricing takes longer."""
    stalled: float = 0.8
    """A cycle stalls where its gap exceeds this share of the least gap so far. Larger: smaller gains count as
    progress."""
    stalls: float = 2.0
    """Number of stalled cycles in a row that ends the run. Larger: runs that cannot reach the gap last longer."""
    narrow_stall: float = 0.25
    """Part of a stall that a cycle counts after a narrow miss, since it is shorter. Larger: runs end earlier."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """When prices are first searched on a sample, and how exactly."""

    units: int = 3000
    """Approximate number of units in a sample. Larger: prices fit the whole portfolio better but take longer to
    find."""
    large: float = 2.5
    """A portfolio is sampled if it has at least this many times the units of a sample. Larger: fewer portfolios are
    sampled."""
    alike: float = 0.3
    """Relative error allowed in the sample's number of units at priced points. Larger: rougher samples are accepted."""
    rounds: int = 120
    """Most rounds of the search on the sample. Larger: prices are better."""
    patience: int = 10
    """Rounds without progress that end this search. Larger: prices are better after more rounds."""
    aim: float = 0.25
    """Share of the gap that this search aims at. Larger: it ends earlier."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """The proximal bundle method."""

    rise: float = 1.6
    """Factor on the step after a round that kept its promise. Larger: the search is faster and less steady."""
    fall: float = 0.6
    """Factor on the step after several failed rounds. Larger: the step falls more slowly."""
    least_step: float = 1e-3
    """Least step, as a factor. Larger: less patience where prices must hardly move."""
    most_step: float = 1e4
    """Largest step, as a factor. Larger: prices may move further at once."""
    serious: float = 0.1
    """Share of the promised gain that new prices must bring to become the centre. Larger: moves are fewer and safer."""
    kept_promise: float = 0.5
    """Share of the promised gain that may be missing when the step rises. Larger: the step rises more often."""
    failures: int = 4
    """Rounds in a row without a move after which the step falls. Larger: a step is trusted for longer."""
    sweeps: int = 6
    """Most sweeps of pairwise descent per round. Larger: weights are better, and rounds take longer."""
    unsolved: float = 1e-3
    """Share of the present gap that pairwise descent may leave unsolved. Larger: fewer sweeps."""
    waiting: float = 0.5
    """Share of that remainder up to which groups, taken together, may wait during a sweep. Larger: sweeps are
    quicker."""
    patience: int = 15
    """Number of rounds over which progress is judged. Larger: searches end later."""
    little: float = 0.25
    """A gain below this share of the aim over these rounds is no progress. Larger: searches end earlier."""
    steps: tuple[float, float, float, float] = (2.0, 1.0, 1.0, 1.0)
    """Factors on the steps of balance, congestion points, reserve and connection limits. Larger: the prices in question
    move faster and less steadily."""


@dataclass(frozen=True, kw_only=True)
class PointSearch:
    """The search for congestion points' own prices while those of the whole portfolio stay."""

    rounds: int = 20
    """Most rounds. Larger: bounds are better, and pricing the units at priced points takes longer."""
    patience: int = 3
    """Rounds without progress that end the search. Larger: bounds are better. Many points gain in nearly every
    round."""
    aim: float = 0.3
    """Share of the gap that the search aims at. Larger: it ends earlier."""
    steps: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    """Factors on the steps of balance, congestion points, reserve and connection limits: only the prices of points and
    limits move."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Column generation at the best prices."""

    shares: int = 4
    """Number of shares into which the groups are dealt; the shares are asked one after the other. Larger: later columns
    know more of the earlier ones, and there are more sweeps."""
    sweeps: int = 1
    """Sweeps of pairwise descent after every share. Larger: weights are better, and rounds take longer."""
    steeper: float = 2.0
    """Factor by which the step grows while all groups are asked once. Larger: columns balance sooner but cost more."""
    steepest: float = 1e3
    """Largest step, as a factor. Larger: columns fill smaller mismatches at any cost."""
    watched: int = 5
    """Number of rounds over which the master's cost is watched. Larger: generations end later."""
    flat: float = 0.85
    """The cost stays where its distance to the bound exceeds this share of the distance `watched` rounds ago. Larger:
    generations end later."""
    steps: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    """Factors on the steps of balance, congestion points, reserve and connection limits. Larger: the prices in question
    move faster and less steadily."""


@dataclass(frozen=True, kw_only=True)
class Joint:
    """Connections whose devices answer prices together."""

    most_units: int = 12
    """Most devices of such a connection; larger ones have prices of their own. Larger: depots answer together, and the
    time per answer grows with the cube of their stores."""
    fine_mw: float = 1e-3
    """Step of bids up to which wholeness costs so little that stores which may hold reserve answer together with
    others. Larger: mixtures are better, and bids are rounded down further."""
    gap: float = 1e-4
    """How close to its best the answer of such a connection must be, as a share of what its programs cost; its bound is
    twenty times closer or more. Larger: fewer steps of the interior-point method, and larger gaps."""
    groups: int = 400
    """Approximate number of groups into which they are dealt, at most one each. Larger: mixtures are better, and sweeps
    take longer."""
    slight: float = 0.8
    """Share of the gain promised in a round of the search, divided by the number of groups, up to which the answer of a
    group may cost less than its columns without being asked for; in the search of points, of what its block is
    promised. Larger: fewer answers, and later columns. From 1 on, a round might leave out all that it promised."""
    sampled_rounds: int = 8
    """Rounds of the short search after a sample, and most of the generation after it, where connections answer as a
    whole: the sample's prices know nothing of them. Larger: bounds are better, and pricing takes longer."""
    reserve_step: float = 0.1
    """Factor on the step of reserve prices in the search where all reserve is held behind such connections, since
    their programs hardly follow these prices; the factor is nearer to 1 where it is a part. Larger: these prices move
    faster and swing."""


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The choice of programs for units that cannot mix, and when a program keeps its promises."""

    choice_passes: int = 3
    """Passes over the switched units in which each chooses among its own answers. Larger: choices fit together
    better."""
    descent_passes: int = 4
    """Most passes of coordinate descent. Larger: states are better but take longer to find."""
    descent_gain: float = 0.02
    """Share of the aim that a pass must gain for another to follow. Larger: fewer passes."""
    unkept_kwh: float = 1e-2
    """Energy by which a program may miss its promises and still count as keeping them all, so that its run gets no
    overtime or another mixture. Larger: fewer runs go on after the deadline, and limits are breached by some watts."""
    mends: int = 2
    """Most times that a program which breaks promises needlessly is mixed again. Larger: fewer breaches are left."""
    cheap: float = 0.5
    """Share of what a breach costs below which the best prices must be for it to be needless. Larger: breaches count
    that nothing could end."""


@dataclass(frozen=True, kw_only=True)
class WholeBids:
    """The search of whole bids for all holders of reserve together."""

    steps: int = 64
    """Most steps a bid may have for its wholeness to matter. Larger: patterns are searched for more portfolios."""
    units: int = 6
    """Most units that stand for all holders. Larger: the bound is better, and branching takes far longer."""
    gap: float = 0.3
    """Share of the gap to which the pattern of bids is proven. Larger: less branching, and worse bounds."""
    patterns: int = 6
    """Most patterns tried in a small portfolio. Larger: bids may be better."""
    time: float = 0.5
    """Share of the time left that one search of a pattern may take. Larger: bids are better, and less time is left."""
    most_s: float = 12.0
    """Most seconds that it may take. Larger: the same."""
    few_holders: int = 24
    """Most holders of reserve for which the whole problem is solved with the bids of a pattern: a mixture of so few
    units seldom fits whole bids. Larger: plans of small portfolios are better but take longer."""
    repairs: int = 4
    """Most times that bids which cannot be held are lowered. Larger: fewer bids are lost as a whole."""
    nearly: float = 0.1
    """Share of a step that a mixture may lack of a whole bid that is committed all the same: columns generated for it
    mostly hold it. Larger: more is bid, and more is lowered in the end."""
    slight: float = 0.02
    """Share of a step that a mixture may lack of a bid and still be asked to hold it, before bids are lowered. Larger:
    the same."""
    alike: float = 5e-3
    """Share by which prices of congestion points may differ and still be made the same, so that their holders count as
    one unit. Larger: fewer units stand for all holders, and their bound is worse."""


@dataclass(frozen=True, kw_only=True)
class PartAgain:
    """Planning a part of a portfolio again."""

    program_gap: float = 1e-3
    """Share of the gap to which the part's program is planned. Larger: plans are quicker but use up more of the gap."""
    program_gap_with_bids: float = 5e-2
    """The same where bids must be searched for."""
    price_aim: float = 1e-2
    """Share of the gap that the search of the part's own prices aims at. Larger: it ends earlier with a worse bound."""
    rounds: int = 200
    """Most rounds of that search. Larger: bounds are better."""
    patience: int = 15
    """Rounds without progress that end it. Larger: bounds are better. A single point fails in most rounds."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """All constants, by the step that uses them."""

    cycles: Cycles = field(default_factory=Cycles)
    sampling: Sampling = field(default_factory=Sampling)
    search: Search = field(default_factory=Search)
    points: PointSearch = field(default_factory=PointSearch)
    generation: Generation = field(default_factory=Generation)
    pool: ColumnPool = field(default_factory=ColumnPool)
    joint: Joint = field(default_factory=Joint)
    steps: PriceSteps = field(default_factory=PriceSteps)
    pairs: PairwiseDescent = field(default_factory=PairwiseDescent)
    master: MasterLp = field(default_factory=MasterLp)
    interior: InteriorPoint = field(default_factory=InteriorPoint)
    recovery: Recovery = field(default_factory=Recovery)
    bids: WholeBids = field(default_factory=WholeBids)
    whole: WholeLps = field(default_factory=WholeLps)
    lone: LoneLps = field(default_factory=LoneLps)
    part: PartAgain = field(default_factory=PartAgain)


DEFAULT = Tuning()
"""The constants with which every figure in the documentation was measured."""
