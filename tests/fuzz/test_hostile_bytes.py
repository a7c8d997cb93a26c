"""The short version of `make fuzz`: kept findings and mutations of good messages, on every layer."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds

CORPUS = Path(__file__).parent / "corpus"
CUTS = st.tuples(st.floats(0, 1), st.floats(0, 0.2), st.binary(max_size=12))


def mutated(data: bytes, cuts: list[tuple[float, float, bytes]]) -> bytes:
    """Replace parts of the data by others."""
    for place, length, new in cuts:
        start = int(place * len(data))
        data = data[:start] + new + data[start + int(length * len(data)) :]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_a_campaign_has_kept_breaks_a_layer(name: str) -> None:
    kept = sorted((CORPUS / name).iterdir())
    assert kept
    for path in kept:
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(number=st.integers(0, 5), cuts=st.lists(CUTS, max_size=4))
def test_no_mutation_of_a_good_message_breaks_a_layer(
    name: str, number: int, cuts: list[tuple[float, float, bytes]]
) -> None:
    TARGETS[name](mutated(list(seeds(name))[number], cuts))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300))
def test_no_bytes_break_a_layer(name: str, data: bytes) -> None:
    TARGETS[name](data)
