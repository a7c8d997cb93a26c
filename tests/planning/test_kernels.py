"""Numerical functions are compiled once, and again when sources change or what was kept is gone."""

import json

from agr.planning.kernels import compile_unless_kept
from models.flexibility.pricing import compile_used

NAME = "models.coupling_costs.cost_of"


def test_what_is_kept_is_not_compiled_again_until_sources_change(tmp_path):
    note, calls = tmp_path / "compiled.json", []

    def compile_one() -> None:
        calls.append(NAME)
        compile_used()

    def again(**changed: object) -> int:
        """Return how often functions are compiled after the note has changed."""
        calls.clear()
        if changed:
            note.write_text(json.dumps(json.loads(note.read_text()) | changed))
        compile_unless_kept(compile_one, note)
        return len(calls)

    assert again() == 1
    noted = json.loads(note.read_text())
    assert noted["compiled"][NAME]
    assert again() == 0
    assert again(sources="of a version before") == 1
    assert json.loads(note.read_text()) == noted
    assert again(compiled=noted["compiled"] | {"models.coupling_costs.gone": ["(float64,)"]}) == 1
    assert again(compiled=noted["compiled"] | {NAME: ["(types that were never compiled)"]}) == 1
    assert again() == 0
    note.write_text(note.read_text()[:20])
    assert again() == 1


def test_where_nothing_can_be_noted_functions_are_compiled_all_the_same(tmp_path):
    calls, file = [], tmp_path / "no folder"
    file.touch()
    for _ in range(2):
        compile_unless_kept(lambda: calls.append(NAME), file / "compiled.json")
    assert calls == [NAME, NAME]
