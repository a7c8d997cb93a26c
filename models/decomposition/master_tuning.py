"""The constants of linear programs: those of the restricted master, and of a whole portfolio behind connections.

They are stated as in models.decomposition.tuning, which passes them on.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ColumnPool:
    """The groups, and the number of columns kept of each."""

    unpriced_groups: int = 16
    """Number of groups into which the units of a kind at unpriced points are dealt. Larger: mixtures are better, and
    sweeps take longer."""
    memory_bytes: int = 250_000_000
    """Size of all columns, in bytes, above which fewer are kept per group. Larger: more memory is used, and mixtures
    are better."""
    fewest: int = 14
    """Columns that every group may keep whatever the memory. Larger: large portfolios need more memory."""
    most: int = 40
    """Most columns per group. Larger: more memory is used, and sweeps take longer."""
    idle_rounds: int = 12
    """Rounds without weight after which a column is dropped. Larger: pools are fuller, and sweeps take longer."""


@dataclass(frozen=True, kw_only=True)
class PriceSteps:
    """How far prices move for a mismatch as large as the programs of all groups could make."""

    level: float = 0.2
    """Share of the mean intraday price that a balance price moves by at least, where the spread is less. Larger: prices
    move faster and less steadily."""
    reserve: float = 0.5
    """Factor on the steps of reserve prices, beside those of balance prices. Larger: reserve prices move faster and
    less steadily."""


@dataclass(frozen=True, kw_only=True)
class PairwiseDescent:
    """The move of weight between two columns of a group."""

    newton_steps: int = 6
    """Most steps of Newton's method per pair. Larger: shifts are more exact."""
    straightness: float = 0.1
    """Share of a pair's first slope that may be left. Larger: fewer steps."""


@dataclass(frozen=True, kw_only=True)
class MasterLp:
    """The linear program that finds the best mixture."""

    least_weight: float = 3e-3
    """Least weight with which a column takes part. Larger: linear programs are smaller, and mixtures are worse."""
    dropped_weight: float = 1e-7
    """Weight below which a column is dropped from the answer. Larger: fewer rounds are priced again for programs, and
    programs differ more from what was mixed, by watts that break limits and called programs."""
    gap: float = 0.04
    """Share of the aim to which the linear program is solved. Larger: fewer iterations and worse mixtures."""
    most_block_rows: int = 3000
    """Most rows of priced points and connection limits that hang together, above which HiGHS solves the linear program.
    Larger: our own method factors larger dense matrices."""
    hard_eur_per_kw: float = 1e3
    """Slope that stands for "not allowed", EUR per kW of one ISP; finite, so that every bound stays valid. Larger: what
    has not been balanced yet costs more."""


@dataclass(frozen=True, kw_only=True)
class InteriorPoint:
    """The interior-point method that solves this linear program."""

    iterations: int = 100
    """Most iterations before HiGHS takes over. Larger: it takes over later."""
    feasibility: float = 1e-5
    """Relative error allowed in the rows, since programs are made exact later. Larger: fewer iterations."""
    short: float = 0.1
    """Length below which a step is replaced by one to the middle, because products are far apart. Larger: more such
    steps."""
    middle: float = 0.5
    """Factor on the products in such a step. Larger: it leads nearer to the middle and makes less progress."""
    correctors: int = 3
    """Most of Gondzio's correctors per iteration. Larger: iterations are fewer but cost more."""
    further: float = 0.3
    """Length that every corrector tries to add to the step. Larger: bolder corrections."""
    around: float = 0.1
    """A corrector acts on products below this share of the aim, or above its inverse. Larger: more is corrected."""
    worthwhile: float = 0.02
    """Gain in the length of both steps that makes another corrector worth its cost. Larger: fewer correctors."""
    least_product: float = 0.1
    """Least first product, as a share of the mean product. Larger: the first point lies nearer the middle."""
    piece_product: float = 10.0
    """First product of a piece of cost, in mean products of weights. Larger: pieces start further from their bounds."""
    edge: float = 0.002
    """Least distance of a piece from its bounds at first, as a share of its length. Larger: the first point lies nearer
    the middle."""
    midst: float = 0.3
    """Largest distance of a piece from its bounds at first, as a share of its length. Larger: the first point lies
    nearer the middle."""
    back: float = 0.995
    """Share of the way to the boundary that a step may go. Larger: steps are longer, and products lie further apart."""
    width_step: int = 32
    """Widths of packed columns are rounded up to a multiple of this. Larger: fewer parts with more zeros in them."""
    shares: int = 2
    """Number of shares of the blocks. Each has a thread of its own, whatever the machine has, so that sums are always
    the same. Larger: more threads."""
    alone: float = 2e5
    """Products up to which one thread computes all shares, one after the other: handing them over takes longer, above
    all where other processes are waiting for a processor. Larger: middling programs use one thread for longer."""
    chunk: int = 1024
    """Number of columns whose products are formed at once. Larger: fewer calls and more memory."""


@dataclass(frozen=True, kw_only=True)
class WholeLps:
    """The interior-point method over a whole portfolio whose units all lie behind connections that answer together."""

    least_connections: int = 10
    """Connections from which on the whole is solved as one program. Larger: more portfolios are searched round by
    round."""
    most_connections: int = 2_000
    """Connections up to which it is. Larger: larger portfolios are solved so; memory and time grow with their
    number."""
    most_rows: int = 2_500
    """Rows of balance, reserve and congestion points up to which it is. Larger: the same; the time of a step grows with
    the cube of their number."""
    gaps: tuple[float, ...] = (0.6, 0.1, 0.02)
    """Shares of the gap asked for to which the program is solved, one after the other until the gap is proven: gross
    cost is known roughly at first. Larger: fewer steps, and programs that miss the gap asked for."""
    miss_kw: float = 1e-4
    """How far rows may be missed, kW or kWh. Larger: fewer steps, and more imbalance."""
    most_steps: int = 80
    """Most steps. Larger: longer runs where rounding spoils the equations."""
    back: float = 0.995
    """Share of the way to the nearest bound that a step may go. Larger: longer steps, and shorter ones after them."""
    first_price: float = 10.0
    """Multipliers of the first point, times the mean price of the balance. Larger: rows are met sooner, and the gap is
    closed later."""


@dataclass(frozen=True, kw_only=True)
class LoneLps:
    """The same method over units that answer alone, with whole bids: stores, generators and a few runs."""

    most_stores: int = 2_000
    """Stores up to which the whole is solved as one program. Larger: larger portfolios are solved so; memory and time
    grow with their number."""
    least_cells: int = 10_000
    """Units times ISPs from which on it solves the whole with given bids also where few hold reserve. Larger: HiGHS
    does in more portfolios, which takes longer from about 20,000 variables on."""
    most_holders: int = 200
    """Stores that may hold reserve up to which it is. Larger: the same; they take most of the time."""
    most_starts: int = 2_000
    """Starts of all runs together up to which it is. Larger: the same."""
    most_rows: int = 1_200
    """Rows of balance, reserve and congestion points up to which it is. Larger: the same; the time of a step grows with
    the cube of their number."""
    far: float = 0.05
    """How far from the best, as a share of gross cost, it is seen how prices of bids follow the bids: nearer, the
    method sees the next corner only. Larger: bids that cannot be held look better."""
    begin: float = 0.5
    """How far from the best, as a share of gross cost, a program is kept from which the next bids begin. Larger: more
    steps lead from there to the best. Smaller: it lies in a corner that other bids have to leave first."""
    near: float = 0.2
    """Share of the gap asked for to which a program is solved. Larger: fewer steps, and poorer programs and bounds."""
    enough: float = 0.6
    """Share of the gap asked for within which a program counts that began from an earlier point. Larger: fewer programs
    are solved twice, and what is known of bids is poorer."""
    nearly: float = 0.3
    """Part of a step by which all bids may miss whole ones for the nearest whole ones to be tried first. Larger: bids
    that cannot be held are tried more often."""
    most_tried: int = 8
    """Most sets of whole bids that are tried. Larger: bids may be better."""
    fine_tried: int = 1
    """The same where bids have many steps, after those that need not be whole were rounded down. Larger: the same."""
    beyond: float = 1e-6
    """Share by which more reserve is asked for than a bid needs, so that rounding leaves enough. Larger: fewer bids are
    lost to rounding, and programs cost more."""
    fine: float = 1e-4
    """Share of the gap asked for to which a program is solved where a bid is lost that lacks next to nothing. Larger:
    fewer steps, and bids are lost that take all that can be held."""
    slight: float = 1e-3
    """Share of a step that a bid may lack without being lowered by it. Larger: fewer bids are lowered."""
    apart: float = 0.5
    """Share of what is still open that a program may lose against the linear program with its bids while other bids are
    tried: more of it than that, they will not mend. Larger: more bids are tried where programs cannot follow."""
    rest_eur_per_kwh: float = 3e-5
    """What moving a store or curtailing a generator costs more while a solution is moved to where units rest. Larger:
    fewer steps, calmer programs, and poorer ones: trades that earn less than this are left."""
    still_kw: float = 1e-3
    """Power at which a unit counts as resting then. Larger: fewer steps, and programs that lose more."""
    rest_steps: int = 30
    """Most steps taken for it. Larger: longer runs where rounding spoils the equations."""
    decided: float = 1e-3
    """Share of its program that a run may lack where its start counts as decided. Larger: fewer programs are solved."""
