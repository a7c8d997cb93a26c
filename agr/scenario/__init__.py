"""The analysts' side: make, load, run, replay and compare scenarios. For notebooks: `from agr import scenario`."""

from agr.scenario.api import (
    Comparison,
    Run,
    Scenario,
    backtest,
    change,
    compare,
    from_downloads,
    load,
    names,
    open_run,
    replay,
    report,
    run,
    sweep,
)

__all__ = [
    "Comparison", "Run", "Scenario", "backtest", "change", "compare", "from_downloads", "load", "names", "open_run",
    "replay", "report", "run", "sweep",
]  # fmt: skip
