"""Generates a scenario's tables from published profiles and a seed: any size, any Period, the same bytes every time.

python -m agr.scenario.generate --out scenarios/NAME --data ../shared/data --period 2024-04-10 --seed 1 …
"""

import argparse
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from agr.domain.errors import InputError
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.register import Portfolio, Register
from agr.scenario.contracts import contracts, limits, prices
from agr.scenario.population import Recipe, ean, populate
from agr.scenario.profiles import Profiles, read_profiles
from agr.scenario.sites import SITES
from agr.scenario.writing import cro_json, tables, write

STRANGER = 99_999_999
"""Number of the connection that the CRO lists although it is not in our register."""


@dataclass(frozen=True, kw_only=True)
class GeneratedScenario:
    """A generated scenario: our register and the CRO's list, each with one connection that the other lacks."""

    register: Register
    portfolio: Portfolio

    def files(self, *, parquet: bool = False) -> dict[str, bytes]:
        """Return the scenario folder's generated files, by name; forecasts as Parquet if asked for."""
        tz = self.portfolio.period.tz
        made = {f"tables/{name}": content for name, content in tables(self.register, tz, parquet=parquet).items()}
        return made | {"cro.json": cro_json(self.portfolio.points, self.portfolio.free_connections)}


def generate(recipe: Recipe, profiles: Profiles) -> GeneratedScenario:
    """Return the scenario that a recipe describes. Raises InputError when the Period has no published prices."""
    if recipe.site is not None:
        return _site(recipe, profiles)
    drawn = populate(recipe, profiles)
    register = Register(
        connections=tuple(drawn.connections),
        resources=tuple(drawn.resources),
        contracts=contracts(recipe, drawn),
        limits=limits(recipe, drawn),
        forecasts=tuple(drawn.forecasts),
        prices=prices(recipe, profiles),
    )
    first = drawn.points[0]
    points = (replace(first, connections=(*first.connections, ean(STRANGER))), *drawn.points[1:])
    known_free = tuple(drawn.free[1:])  # the first one is in our register only
    return GeneratedScenario(
        register=register, portfolio=Portfolio(period=recipe.period, points=points, free_connections=known_free)
    )


def _site(recipe: Recipe, profiles: Profiles) -> GeneratedScenario:
    """Return a site with its limits and tariffs; the CRO knows what our register knows."""
    made = SITES[recipe.site or ""](recipe, profiles)
    register = Register(
        connections=tuple(made.drawn.connections), resources=tuple(made.drawn.resources),
        limit_groups=made.limit_groups, connection_limits=made.connection_limits,
        connection_tariffs=made.connection_tariffs, forecasts=tuple(made.drawn.forecasts),
        prices=tuple(price for price in prices(recipe, profiles) if price.series.startswith("day_ahead")),
    )  # fmt: skip
    points = tuple(made.drawn.points)
    return GeneratedScenario(
        register=register, portfolio=Portfolio(period=recipe.period, points=points, free_connections=())
    )


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m agr.scenario.generate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the scenario")
    parser.add_argument("--data", type=Path, required=True, help="folder with the published profiles (*.csv.gz)")
    parser.add_argument("--period", type=date.fromisoformat, required=True, help="the day, YYYY-MM-DD")
    parser.add_argument("--zone", default="Europe/Amsterdam", help="the market's time zone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=330)
    parser.add_argument("--points", type=int, default=13, help="congestion points")
    parser.add_argument("--dsos", nargs="+", default=["north-grid.example", "south-grid.example"])
    parser.add_argument("--weather-day", type=date.fromisoformat, help="day of the typical year; default: the Period")
    parser.add_argument("--days", type=int, default=1, help="how many days, from the Period on")
    parser.add_argument("--limit-every", type=int, default=4, help="one neighbourhood in so many has an import limit")
    parser.add_argument(
        "--evening-share", type=float, default=0.8, help="import limit as a share of the unsteered peak"
    )
    parser.add_argument("--parquet", action="store_true", help="forecasts as Parquet")
    parser.add_argument("--site", choices=sorted(SITES), help="one site instead of a portfolio")
    parser.add_argument("--synthetic-prices", action="store_true", help="made-up day-ahead prices")
    return parser.parse_args(words)


def recipe_of(given: argparse.Namespace) -> Recipe:
    """Return the recipe from the command line."""
    return Recipe(
        period=Period(given.period, given.zone), seed=given.seed, connections=given.connections, points=given.points,
        dsos=tuple(given.dsos), weather_day=given.weather_day, real_prices=not given.synthetic_prices,
        days=given.days, limit_every=given.limit_every, evening_share=given.evening_share,
        site=given.site,
    )  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = _arguments(sys.argv[1:] if words is None else words)
    try:
        recipe = recipe_of(given)
        files = generate(recipe, read_profiles(given.data, recipe.period)).files(parquet=given.parquet)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    write(given.out, files)
    sys.stdout.write(f"{given.out}: {number_of(len(files), 'file')}, {sum(map(len, files.values())) / 1e6:.2f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
