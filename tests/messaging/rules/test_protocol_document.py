"""docs/reference/protocol.md names every rule, reason, message and status that exists, and no others."""

import inspect
import re
from pathlib import Path

import pytest

from agr.messaging.rules import (
    answer,
    direct_order,
    flex_order,
    flex_request,
    period,
    reservation,
    rules_of,
    scope,
    sender,
    settlement,
)
from agr.uftp import messages as m
from agr.uftp import transport
from agr.web.endpoint import REASONS

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "protocol.md").read_text(encoding="utf-8")
ROWS = {rule: reason for reason, rule in re.findall(r"^\| (.+?)(?: \\\*)? \| `(\w+)` \|", TEXT, re.MULTILINE)}
"""Rule → its reason."""
KINDS: list[type[m.Message]] = [*m.TYPES.values(), m.OtherMessage]
RULES = {rule.__name__: rule for kind in KINDS for rule in rules_of(kind)}


def test_every_rule_is_documented_and_nothing_else():
    assert set(ROWS) == set(RULES)


@pytest.mark.parametrize("rule", ROWS)
def test_documented_reason_is_the_one_its_rule_gives(rule):
    source = inspect.getsource(RULES[rule])
    for part in ROWS[rule].split("…MessageID"):
        assert part in source


def test_every_public_function_of_the_rules_is_in_the_table():
    defined = {
        name
        for module in (answer, direct_order, flex_order, flex_request, period, reservation, scope, sender, settlement)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert defined == set(RULES)


def test_every_rule_names_its_reason_and_source():
    for name, rule in RULES.items():
        assert inspect.getdoc(rule).startswith(ROWS[name].split("…")[0]), name
        assert "Source:" in inspect.getdoc(rule), name


def test_every_message_and_status_is_documented():
    missing = [root for root in m.TYPES if root not in TEXT]
    missing += [
        str(status)
        for status in (*REASONS, *transport.USELESS_4XX, *transport.REFUSED)
        if not re.search(rf"\b{status}\b", TEXT)
    ]
    assert missing == []
