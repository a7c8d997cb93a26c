"""make bench: measures engines on instances of many sizes; prints a table and, with --json, a final JSON object."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import campaign, environment, report
from benchmarks.instances import KINDS, RELAXED

app = typer.Typer(add_completion=False)


def _listed(text: str, what: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'} is no {what}; choose from {', '.join(known)}")
    return names


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part.replace("_", "")) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no list of numbers such as 1000,10000") from None
    if min(sizes) < 1:
        raise typer.BadParameter("a portfolio has at least one resource")
    return sizes


@app.command()
def bench(
    sizes: Annotated[str, typer.Option(help="resources, for example 1000,10000; default: 1000,10000,100000")] = "",
    engines: Annotated[
        str, typer.Option(help=f"of {', '.join(campaign.ENGINES)}; default: those that can solve a size")
    ] = "",
    kinds: Annotated[str, typer.Option(help=f"of {', '.join(KINDS)}")] = ",".join(RELAXED),
    limit: Annotated[float | None, typer.Option(help="time limit of an engine in seconds; default: by engine")] = None,
    awake: Annotated[
        bool, typer.Option(help="also measure the endpoint's answers while a large plan is computed")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")] = False,
    out: Annotated[Path | None, typer.Option(help="also write the JSON to this file")] = None,
    pictures: Annotated[Path | None, typer.Option(help="also write pictures (SVG) to this folder")] = None,
) -> None:
    """Measure, and print the table and a summary."""
    chosen = _listed(engines, "engine", campaign.ENGINES) if engines else campaign.ENGINES
    shapes = _listed(kinds, "kind", KINDS)
    if sizes or engines or limit is not None or set(shapes) != set(RELAXED):
        wanted = campaign.planned(
            _sizes(sizes) if sizes else campaign.SIZES, chosen, shapes, named=bool(engines), limit_s=limit  # type: ignore[arg-type]
        )  # fmt: skip
    else:
        wanted = campaign.default_plan()
    screen = Console(stderr=True)
    rows: list[campaign.Row] = []
    with screen.status("starting") as status:
        for row in campaign.rows(wanted, status.update):
            rows.append(row)
            if not screen.is_terminal:
                screen.print(f"{row['resources']:,} {row['kind']} {row['engine']}: {row['total_s']} s {row['note']}")
    result: dict[str, Any] = {"rows": rows, "reoptimise": _reoptimised(rows), "machine": _machine()}
    if awake:
        from benchmarks.awake import measure

        with screen.status("the endpoint while a large plan is computed"):
            result["awake"] = measure()
    _show(result)
    skipped = "" if engines else campaign.left_out(tuple({item.resources for item in wanted}), chosen)
    if skipped:
        print(f"Not run, because they take too long: {skipped}. Name them with --engines and --limit.")  # noqa: T201
    if out is not None:
        out.write_text(json.dumps(result, indent=1), encoding="utf-8")
    if pictures is not None:
        _draw(result, pictures)
    if as_json:
        print(json.dumps(result))  # noqa: T201


def _draw(result: dict[str, Any], folder: Path) -> None:
    """Draw the pictures in the peers' environment, which has matplotlib."""
    python = environment.python_of("solvers")
    if python is None:
        print(f"no pictures: {environment.reason('solvers')}")  # noqa: T201
        return
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(result, file)
        file.flush()
        subprocess.run(  # noqa: S603 - ours
            [str(python), "-m", "benchmarks.pictures", file.name, str(folder)], check=True, cwd=environment.PROJECT
        )


def _show(result: dict[str, Any]) -> None:
    wide = None if sys.stdout.isatty() else 200
    console = Console(width=wide)
    console.print(report.table(result["rows"]))
    for sentence in report.conclusions(result["rows"]):
        console.print(sentence)
    if result["reoptimise"]:
        console.print(f"planned again after a FlexReservationUpdate: {result['reoptimise']}")
    if "awake" in result:
        console.print(f"awake: {result['awake']}")
    if max((row["resources"] for row in result["rows"]), default=0) < 1_000_000:
        console.print(
            'A million resources: make bench ARGS="--sizes 1000000 --engines agr --kinds typical --limit 900"'
        )


def _reoptimised(rows: list[campaign.Row]) -> dict[str, Any] | None:
    """Return the re-optimisation of the largest portfolio for which one was measured."""
    measured = [row["reoptimise"] for row in rows if row.get("reoptimise")]
    return max(measured, key=lambda again: again["resources"], default=None)


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["forecasts"]:
        from benchmarks.forecasts import main

        del sys.argv[1]
        typer.run(main)
    elif sys.argv[1:2] == ["promises"]:
        from benchmarks.promises import main as promises

        del sys.argv[1]
        typer.run(promises)
    else:
        app()
