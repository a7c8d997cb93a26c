"""Messages about faults: suggestions, and the place of a fault."""

from agr.domain.faults import Finding, closest, counted, meant


def test_a_name_like_a_known_one_was_probably_meant():
    assert meant("bateries", ["batteries", "generators"]) == "did you mean batteries?"
    assert closest("bateries", ["batteries"], similarity=0.99) is None


def test_a_name_unlike_all_gets_those_there_are_but_not_thousands():
    assert meant("x", ["one", "two"]) == "known are one, two"
    assert meant("x", []) == "there is none"
    many = meant("x", [f"name-{i}" for i in range(1_020)])
    assert many.endswith("name-19 and 1,000 more")
    assert many.count(",") == 20


def test_a_finding_says_file_line_and_column_and_sorts_by_them():
    late = Finding(file="b.csv", line=12, column="power_kw", words="is empty")
    early = Finding(file="b.csv", line=2, words="appears twice", place="row")
    assert [str(f) for f in sorted([late, early])] == [
        "b.csv, row 2: appears twice",
        "b.csv, line 12, column power_kw: is empty",
    ]
    assert str(Finding(file="a.csv", words="is empty")) == "a.csv: is empty"
    assert (counted([late]), counted([late, early])) == ("1 fault", "2 faults")
