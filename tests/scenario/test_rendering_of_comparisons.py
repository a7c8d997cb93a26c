"""Comparisons of runs on the terminal."""

import pandas as pd
from rich.console import Console

from agr.scenario.comparison import Comparison
from agr.scenario.rendering import comparison_tables


def shown(comparison: Comparison) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        for part in comparison_tables(comparison):
            console.print(part)
    return captured.get()


def compared(wear: float, peak: float, changed: list[dict[str, object]]) -> Comparison:
    peaks = pd.DataFrame({"a": [10.0], "b": [peak]}, index=pd.MultiIndex.from_tuples([("cp-1", "import")]))
    value = pd.DataFrame({"a": [5.0], "b": [5.0 + wear]}, index=["wear"])
    columns = ["run", "congestion_point", "isps", "largest_kw", "moved_kwh"]
    return Comparison(
        runs=("a", "b"), value=value, positions=value.rename({"wear": "day-ahead net MWh"}), peaks=peaks,
        changed=pd.DataFrame(changed, columns=columns), warnings=(),
    )  # fmt: skip


def test_a_difference_that_rounds_to_zero_has_no_minus() -> None:
    said = shown(compared(-0.001, 10.0, []))
    assert "+0.00" in said
    assert "-0.00" not in said


def test_what_does_not_differ_is_said_in_a_line_instead_of_an_empty_table() -> None:
    said = shown(compared(1.0, 10.0, []))
    assert "Peaks that differ: none" in said
    assert "ISPs that differ from A: none" in said


def test_what_differs_is_listed() -> None:
    one = {"run": "b", "congestion_point": "cp-1", "isps": 3, "largest_kw": 2.5, "moved_kwh": 1.0}
    said = shown(compared(1.0, 12.0, [one]))
    assert "cp-1 import" in said
    assert "none" not in said
    assert "2.5" in said
