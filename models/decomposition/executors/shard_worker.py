"""Holds shards on a worker, and answers prices for them."""

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
from distributed import get_worker
from numpy.typing import NDArray

from models.case import Bools, Case, Ints
from models.decomposition.executors.shard_results import ShardResults, sums
from models.decomposition.executors.shards import Shard
from models.decomposition.precompile import tiny
from models.decomposition.prices.grouping import Grouping, group_units
from models.decomposition.prices.pricing import LocalPricing, PreparedUnits, ScenarioPrices, prepared
from models.mixing import MIXES, Mixed, Shares
from models.resources.protocols import Choices
from models.resources.registry import BY_NAME
from models.response import Prices, Rows


@cache
def code() -> str:
    """Return what answers depend on: a digest of the source of `models`, and the versions of numpy and numba."""
    digest = sha256()
    for source in _sources(files("models")):
        digest.update(source)
    return f"{digest.hexdigest()[:12]}, numpy {version('numpy')}, numba {version('numba')}"


def _sources(folder: Traversable) -> Iterator[bytes]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _sources(item)
        elif item.name.endswith(".py"):
            yield item.read_bytes()


class ShardWorker:
    """Holds shards for one solve, ready to answer on the threads of its worker."""

    def __init__(self) -> None:
        self._threads = get_worker().state.nthreads
        self._held: dict[int, tuple[PreparedUnits, Shard]] = {}
        precompile()

    def place(self, number: int, shard: Shard) -> None:
        """Prepare a shard and keep it under its number."""
        case, resource = shard.case(), BY_NAME[shard.label]
        part: Any = resource.arrays(case)
        part = replace(part, **{item.name: _usual(getattr(part, item.name)) for item in fields(part)})
        case = replace(case, **{shard.label: part})
        everyone = np.arange(len(part.point))
        unit = prepared(case, resource, everyone, called=shard.called, threads=self._threads)
        power, held, total = (np.array(of) for of in (shard.rows.power, shard.rows.held, shard.rows.total))
        rows = Rows(power=power, held=held, total=total)
        self._held[number] = unit, replace(shard, rows=rows)

    def respond(self, asked: list[tuple[int, tuple[Prices, Bools | None]]]) -> list[ShardResults]:
        """Return each shard's sums (K) at its prices; zero for sums not asked, where a mask (K,) is given."""
        result = []
        for number, (prices, some) in asked:
            unit, shard = self._held[number]
            rows = shard.rows if some is None else shard.rows.of(np.array(some))
            result.append(sums(unit.responder.respond(_own(prices), rows, shard.sums), shard.reserve_rows))
        return result

    def choices(self, number: int, prices: Prices, chosen: Ints) -> Choices:
        """Return the best responses of the units at positions `chosen` (n,) of a shard whose units cannot mix."""
        unit, shard = self._held[number]
        return unit.choices(_own(prices), shard.rows, np.array(chosen))

    def mixtures(self, number: int, rounds: list[Prices], shares: Shares, chosen: Ints) -> Mixed:
        """Return mixtures of units at positions `chosen` (n,), at most CHUNK of them, of a shard whose units mix."""
        unit, shard = self._held[number]
        own = Shares(weight=np.array(shares.weight), only=np.array(shares.only))
        seen = [_own(prices) for prices in rounds]
        ((_, mixed),) = unit.mixtures(seen, shard.rows, own, np.array(chosen))
        return mixed


def _usual(values: NDArray[Any]) -> NDArray[Any]:
    """Return the array aligned, as numba's machine code expects; arrays from the network may not be."""
    return values if values.flags.aligned else values.copy()


def _own(prices: Prices) -> Prices:
    """Return a writable copy: arrays from the network are read-only, and numba would compile again for these."""
    return Prices(power_eur_per_kw=np.array(prices.power_eur_per_kw), held_eur_per_kw=np.array(prices.held_eur_per_kw))


def precompile() -> None:
    """Compile or load the code that answers prices: a minute the first time on a machine, a second later."""
    case = tiny()
    grouping = group_units(case)
    pricing = LocalPricing(case, grouping)
    scenario = _no_prices(case, grouping)
    pricing.respond(scenario)
    for index, batch in enumerate(grouping.batches):
        seen = scenario.called if batch.called else scenario.planned
        everyone = np.arange(len(batch.units))
        if batch.resource.choosing is not None:
            list(pricing.choices(index, seen, everyone))
        else:
            shares = Shares(weight=np.ones((1, len(grouping.group_point))), only=np.full(len(everyone), MIXES))
            list(pricing.mixtures(index, [seen], shares, everyone))


def _no_prices(case: Case, grouping: Grouping) -> ScenarioPrices:
    places, shape = len(grouping.places.point), (len(case.reserves), case.isps)
    power = np.zeros((grouping.price_rows, case.isps))
    return ScenarioPrices(
        planned=Prices(power_eur_per_kw=power, held_eur_per_kw=np.zeros((2 + places, *shape))),
        called=Prices(power_eur_per_kw=power.copy(), held_eur_per_kw=np.zeros((1 + places, *shape))),
    )
