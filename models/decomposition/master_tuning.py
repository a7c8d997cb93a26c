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
    dropped_weight: float = 3e-4
    """Weight below which a column is dropped from the answer. Larger: fewer rounds are priced again for programs."""
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
