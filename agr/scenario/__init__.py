"""For analysts: make, load, run, replay and compare scenarios. In notebooks: `from agr import scenario`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """Import an attribute on first use (PEP 562): listing scenarios needs neither solver nor tables."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agr.scenario import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """Return the names that a notebook completes."""
    return sorted({*globals(), *__all__})
