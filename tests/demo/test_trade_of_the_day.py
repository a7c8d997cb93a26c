"""The demo's summary says what the DSO requested, ordered and settled, and finds what was not kept."""

from dataclasses import replace

from agr.demo.trading import TradeFigures, trade_faults

SETTLED = TradeFigures(
    requests=1, offers=1, orders=1, offered_eur=3.36, split_eur={"intraday": 3.05, "margin": 0.3, "rounding": 0.0049},
    ordered_eur=3.36, ordered_mwh=0.0522, settled_eur=3.36, state="settled", answer="accepted",
)  # fmt: skip


def test_the_trade_is_told_in_a_line_with_the_split_of_its_price() -> None:
    assert SETTLED.words() == (
        "3.36 EUR offered (intraday +3.05, margin +0.30); 0.052 MWh for 3.36 ordered; 3.36 EUR settled, accepted"
    )
    assert replace(SETTLED, settled_eur=None).words().endswith("settled on the day after")
    assert replace(SETTLED, offers=0).words() == "1 requested, nothing offered"
    assert TradeFigures(requests=0, offers=0, orders=0, offered_eur=0.0).words() == "nothing requested"


def test_an_order_that_is_disputed_or_settled_for_less_is_a_broken_promise() -> None:
    assert trade_faults(SETTLED) == []
    assert trade_faults(replace(SETTLED, state="disputed")) == ["the order is disputed, not settled"]
    assert trade_faults(replace(SETTLED, settled_eur=3.0)) == ["3.36 EUR are ordered and 3.00 EUR settled"]
