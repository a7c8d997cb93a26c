"""The analysts' side: make, load, run, replay and compare scenarios. For notebooks: `from agr import scenario`."""

from agr.scenario.api import (
    Comparison,
    Run,
    Scenario,
    backtest,
    change,
    compare,
    load,
    names,
    open_run,
    report,
    run,
    sweep,
)

__all__ = [
    "Comparison", "Run", "Scenario", "backtest", "change", "compare", "load", "names", "open_run", "report",
    "run", "sweep",
]  # fmt: skip
