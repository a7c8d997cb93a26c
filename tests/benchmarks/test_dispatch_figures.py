"""The benchmark of dispatch runs, and what it counts is there: a small version."""

from benchmarks.dispatch import broken, points


def test_a_few_points_get_plans_of_96_isps_and_changed_ones() -> None:
    found = points(3)
    assert found["first plan"]["commands"] == 9  # fallback, plan and maximum of each
    assert broken(found) == []
    assert broken({"x": {"seconds": 301.0}, "y": {"worst s": 6.0}}) == ["x: 301 s", "y: 6.0 s"]
