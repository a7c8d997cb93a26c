"""Compiled functions that are called by their address."""

import numpy as np
import pytest
from numba import config
from numba.core.errors import TypingError

from models.compiled import compiled
from models.compiled_calls import by_address


@compiled
def halved(values, times):
    """Return whether the first value is above zero, and half of the sum."""
    return values[0] > 0.0, 0.5 * times * values.sum()


def example():
    """Return arguments of the types with which it is called."""
    return np.zeros(1), 1.0


halved_address, halved_at = by_address(halved, example)


@compiled
def twice(address, values):
    """Call it with the rows of an array (n,T)."""
    total = 0.0
    for row in range(values.shape[0]):
        above, half = halved_at(address, values[row], 2.0)
        total += half if above else 100.0
    return total


@compiled
def wrongly(address, values):
    """Call it with whole numbers."""
    return halved_at(address, values, 1.0)


def test_a_call_by_address_returns_what_the_function_does():
    assert twice(halved_address(), np.array([[1.0, 2.0], [-1.0, 5.0]])) == pytest.approx(103.0)
    assert halved_address() == halved_address()


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_a_caller_is_compiled_anew_when_the_function_changes():
    assert vars(halved)["source_stamps"] <= vars(twice)["source_stamps"]


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_other_types_than_those_agreed_on_are_refused_where_they_would_be_misread():
    with pytest.raises(TypingError, match="other types"):
        wrongly(halved_address(), np.arange(3))
