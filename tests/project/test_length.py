"""Files stay short enough to be read in one go: see Style in CONTRIBUTING.md."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
MOST_LINES = 300
LONGER = {
    "agr/client/generated.py",  # users copy it as one file
}
ROOMS = ("agr", "models", "tests", "benchmarks")


def longer_than(most: int) -> set[str]:
    """Return the modules with more lines than that."""
    modules = (path for room in ROOMS for path in (PROJECT / room).rglob("*.py"))
    long = (path for path in modules if path.read_text(encoding="utf-8").count("\n") > most)
    return {path.relative_to(PROJECT).as_posix() for path in long}


def test_no_module_is_longer_than_one_reads_in_one_go() -> None:
    assert longer_than(MOST_LINES) == LONGER
