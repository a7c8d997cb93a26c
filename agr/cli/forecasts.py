"""`agr forecast`: what happened is imported, models are tried, forecasts are made, scored and shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption, JsonOption, period_of
from agr.cli.terminal import err, in_words, print_json, print_whole, say, tell

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from agr.forecasting import Score
    from agr.operations.actuals_import import ImportedActuals
    from agr.operations.forecasts import ForecastService
    from agr.settings import Settings

forecast_app = typer.Typer(no_args_is_help=True, help="Forecasts of our own, and how good they are.")
SeriesOption = Annotated[str, typer.Option("--series", help="A series; default: the day-ahead price.")]
PeriodOption = Annotated[str | None, typer.Option("--period", help="Local day, YYYY-MM-DD; default: tomorrow.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="From what was known at this instant, with its offset; default: now.")
]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(forecast_app, name="forecast")


@forecast_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet: series,start,minutes,value[,received_at].")],
    config: ConfigOption = DEFAULT,
) -> None:
    """Store what happened; rows that are refused are named, and the others are stored."""
    from agr.connectors.actuals import read_actuals
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.actuals_import import take_actuals
    from agr.settings import load

    with in_words():
        settings, rows = load(config), read_actuals(file)
        taken = take_actuals(commands.open_store(settings), settings, SystemClock(), rows)
    _say_taken(file, taken)


@forecast_app.command()
def sessions(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet: group,arrival,departure,energy_kwh.")],
    config: ConfigOption = DEFAULT,
) -> None:
    """Count past charging sessions by group and hour; rows that are refused are named, and the others are counted."""
    from agr.connectors.session_table import read_sessions
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.sessions_import import take_session_rows
    from agr.settings import load

    with in_words():
        settings, rows = load(config), read_sessions(file)
        taken = take_session_rows(commands.open_store(settings), settings, SystemClock(), rows)
    _say_taken(file, taken)


@forecast_app.command()
def fetch(
    period: PeriodOption = None,
    days: Annotated[int, typer.Option(min=1, max=730, help="Days up to the Period; weather is of days to come.")] = 1,
    config: ConfigOption = DEFAULT,
) -> None:
    """Ask the feeds of weather and areas for a Period, and keep what is new with the moment it was known."""
    from agr.domain.errors import MissingError
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.outlooks import Outlooks, last_of
    from agr.settings import load

    with in_words():
        settings = load(config)
        of = period_of(settings, period) if period else commands.next_period(settings)
        found = Outlooks(commands.open_store(settings), settings, SystemClock()).fetch(last_of(of, days))
        if not found:
            words = 'there is no feed of weather or of an area; add one with api = "weather" or "entsoe" to [[feeds]]'
            raise MissingError(words)
    for one in found:
        say(f"{one.feed}: {one.new} new forecasts of a series and a day")
        for fault in one.faults:
            tell(fault)
    if any(one.faults for one in found):
        raise typer.Exit(1)


@forecast_app.command()
def train(
    series: SeriesOption = "", days: Annotated[int, typer.Option(min=14, max=730, help="Days to forecast.")] = 60,
    refit: Annotated[int, typer.Option(min=1, help="Number of days after which models learn again.")] = 14,
    as_of: AsOfOption = None, json: JsonOption = False, config: ConfigOption = DEFAULT,
) -> None:  # fmt: skip
    """Let every model learn and forecast the last days, each from the days before it only; show how good they were."""
    from agr.domain.errors import MissingError
    from agr.forecasting import MODELS, ForecastModelError, rolling, score
    from agr.forecasting.models.registry import NAIVE
    from agr.operations.forecast_scores import training_days
    from agr.operations.forecast_series import lead_of

    found: dict[str, Score] = {}
    notes: list[str] = []
    with in_words():
        settings, forecasts, moment = _opened(config, as_of)
        name = series or settings.markets.day_ahead.series
        forecasts.take_prices()
        with forecasts.store.transaction() as tx:
            known = training_days(tx, settings, name, moment, notes)
        if known is None or len(known.values) < days + 21:
            count = 0 if known is None else len(known.values)
            raise MissingError(f"{count} days of {name} are known; {days + 21} are needed: import more, or take --days")
        end = len(known.values) - int(not known.complete[-1])
        naive = None
        for one in sorted(MODELS.values(), key=lambda one: one.name != NAIVE):
            try:
                with _progress(one.name) as progress:
                    rolled = rolling(
                        known, one, end - days, end, lead=lead_of(name), refit_days=refit, progress=progress
                    )
            except ForecastModelError as error:
                tell(f"{one.name}: {error}")
                continue
            naive = naive or rolled
            scored = score(
                rolled.forecast, rolled.actual, quantiles=rolled.quantiles(), naive=naive.forecast,
                naive_quantiles=naive.quantiles(),
            )  # fmt: skip
            if scored is not None:
                found[one.name] = scored
    if known.input_names:
        tell(f"inputs, as known of each day when its first plan is made: {', '.join(known.input_names)}")
    for note in notes:
        tell(note)
    _show_scores(f"{name}: {days} days to {known.day(end - 1)}, each forecast from the days before it", found, json)


@forecast_app.command()
def run(
    series: Annotated[str, typer.Option("--series", help="A series; default: all that are traded on.")] = "",
    period: PeriodOption = None, as_of: AsOfOption = None, config: ConfigOption = DEFAULT,
) -> None:  # fmt: skip
    """Forecast a Period and store the run; plans use it where no price is given."""
    from agr.domain.faults import number_of
    from agr.forecasting.sessions import of_sessions
    from agr.operations import commands

    with in_words():
        settings, forecasts, moment = _opened(config, as_of)
        of = period_of(settings, period) if period else commands.next_period(settings)
        forecasts.take_prices()
        forecasts.record_given(of)
        named = [series] if series else ()
        outcomes = forecasts.run(of, named, as_of=moment if as_of else None)
        if not series or of_sessions(series):
            forecasts.sessions.take_sessions()
            outcomes += forecasts.sessions.run(of, named, as_of=moment if as_of else None)
        powers, heat = (0, 0) if series or as_of else forecasts.run_resources(of)
    for one in outcomes:
        say(f"{one.series}: {'not forecast: ' if one.run is None else f'forecast {one.run} '}{one.words}")
    if powers or heat:
        loads, pumps = number_of(powers, "load or generator", "loads and generators"), number_of(heat, "heat pump")
        say(f"{loads} and {pumps} forecast")
    if not (powers or heat or any(one.run is not None for one in outcomes)):
        tell("forecasts learn from 14 days or more; import them with `agr forecast import FILE`, or by a feed")
        raise typer.Exit(1)


@forecast_app.command()
def score(
    series: SeriesOption = "", days: Annotated[int, typer.Option(min=1, max=730, help="Days to score.")] = 30,
    as_of: AsOfOption = None, json: JsonOption = False, config: ConfigOption = DEFAULT,
) -> None:  # fmt: skip
    """Show how good the stored forecasts were: those given, ours, and the naive one."""
    from agr.domain.errors import MissingError
    from agr.operations.forecast_scores import last_days, scoreboard

    with in_words():
        settings, forecasts, moment = _opened(config, as_of)
        name = series or settings.markets.day_ahead.series
        forecasts.take_prices()
        first, last = last_days(settings, moment, days)
        with forecasts.store.transaction() as tx:
            rows = scoreboard(tx, settings, name, first, last, moment)
        if not rows:
            words = f"nothing of {name} is known from {first} to {last}; import it with `agr forecast import FILE`"
            raise MissingError(f"{words}, or score earlier days with --as-of")
    _show_scores(f"{name}: {first} to {last}", {row.model: row.score for row in rows}, json)


@forecast_app.command()
def show(
    series: SeriesOption = "", period: PeriodOption = None, as_of: AsOfOption = None, json: JsonOption = False,
    config: ConfigOption = DEFAULT,
) -> None:  # fmt: skip
    """Show the newest forecast of a Period, with its bands, and what happened."""
    from agr.domain.errors import MissingError
    from agr.operations import commands
    from agr.operations.forecast_views import view

    with in_words():
        settings, forecasts, moment = _opened(config, as_of)
        of = period_of(settings, period) if period else commands.next_period(settings)
        name = series or settings.markets.day_ahead.series
        with forecasts.store.transaction() as tx:
            found = view(tx, settings, name, of, moment)
        if found.run is None and found.given is None:
            raise MissingError(f"there is no forecast of {name} for {of}; make one with `agr forecast run`")
    if json:
        print_json(found.records())
        return
    from rich.table import Table

    table = Table(title=found.title, title_justify="left")
    for place, column in enumerate(found.columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    for row in found.rows():
        table.add_row(*(value if isinstance(value, str) else "–" if value is None else f"{value:.2f}" for value in row))
    print_whole(table)
    for note in found.notes:
        say(note)


def _say_taken(file: Path, taken: "ImportedActuals") -> None:
    for line, why in taken.refused[:50]:
        tell(f"{file}, line {line}: refused: {why}")
    if len(taken.refused) > 50:
        tell(f"… and {len(taken.refused) - 50} more")
    for words in taken.unread:
        tell(words)
    say(taken.text)
    if taken.refused:
        raise typer.Exit(1)


def _opened(config: Path, as_of: str | None) -> "tuple[Settings, ForecastService, datetime]":
    from agr.connectors.tables.cells import CellError, read_instant
    from agr.domain.errors import InputError
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.forecasts import ForecastService
    from agr.settings import load

    settings, clock = load(config), SystemClock()
    try:
        moment = read_instant(as_of) if as_of else clock.now()
    except CellError as error:
        raise InputError(f"--as-of: {as_of!r} {error}") from error
    return settings, ForecastService(commands.open_store(settings), settings, clock), moment


@contextmanager
def _progress(what: str) -> "Iterator[Callable[[int, int], None]]":
    """Show a bar on a terminal; nothing in a pipe."""
    from rich.progress import Progress

    with Progress(console=err, disable=not err.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show_scores(title: str, found: "dict[str, Score]", json: bool) -> None:
    if json:
        print_json({name: vars(scored) for name, scored in found.items()})
        return
    print_whole(_scores_table(title, found))


def _scores_table(title: str, found: "dict[str, Score]") -> "Table":
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("model")
    for column in ("days", "MAE", "of naive", "CRPS", "skill", "80 % covers", "Kendall", "bias"):
        table.add_column(column, justify="right")
    for name, one in sorted(found.items(), key=lambda item: item[1].relative_mae or 0.0):
        cells = (
            str(one.days), f"{one.mae:.2f}", _or_dash(one.relative_mae, ".3f"), _or_dash(one.crps, ".2f"),
            _or_dash(one.crps_skill, ".1%"), _or_dash(one.coverage, ".1%"), _or_dash(one.kendall, ".2f"),
            f"{one.bias:+z.2f}",
        )  # fmt: skip
        table.add_row(name, *cells)
    return table


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
