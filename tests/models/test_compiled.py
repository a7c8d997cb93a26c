"""Compiled functions are cached on disk, and compiled again when their sources change."""

import subprocess
import sys

INNER = "from models.compiled import compiled\n\n@compiled\ndef inner(x):\n    return x + {step}\n"
OUTER = (
    "from inner import inner\nfrom models.compiled import compiled\n\n@compiled\ndef outer(x):\n    return 2 * inner(x)"
)
RUN = "import outer; print(outer.outer(1), sum(outer.outer.stats.cache_hits.values()))"
LOAD = "import inner, outer; load_kept(); print(len(outer.outer.signatures), len(inner.inner.signatures))"


def test_a_function_is_compiled_again_when_one_it_calls_changes(tmp_path):
    (tmp_path / "outer.py").write_text(OUTER)

    def run(step, what=RUN):
        if step is not None:
            (tmp_path / "inner.py").write_text(INNER.format(step=step))
        code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; from models.compiled import load_kept; {what}"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert run(1) == ["4", "0"]
    assert run(None) == ["4", "1"]
    assert run(None, LOAD) == ["1", "0"], "before it is called; the function it calls comes with it"
    assert run(10, LOAD) == ["0", "0"], "nothing that was kept counts any more"
    assert run(10) == ["22", "0"]


NAMED = """from collections import namedtuple
from models.compiled import compiled

{name} = namedtuple("{name}", ["value"])

@compiled
def doubled(x):
    return 2 * x.value

print(doubled({name}(value=3.0)), sum(doubled.stats.cache_hits.values()))
"""


def test_what_is_kept_under_a_type_that_was_renamed_is_compiled_again(tmp_path):
    def run(name):
        (tmp_path / "named.py").write_text(NAMED.format(name=name))
        code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import named"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert run("Before") == ["6.0", "0"]
    assert run("After") == ["6.0", "0"]
    assert run("After") == ["6.0", "1"]
