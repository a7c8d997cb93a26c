"""Files of trades."""

from pathlib import Path

import pytest

from agr.connectors.trades import read_trades
from agr.domain.award import Trade
from agr.domain.errors import InputError
from tests.builders.worlds import PERIOD

ONE = Trade(trade="T-1", start=PERIOD.starts()[40], minutes=15, mw=1.5, price_eur_per_mwh=80.0)
HOUR = Trade(trade="T-2", start=PERIOD.starts()[40], minutes=60, mw=-0.5, price_eur_per_mwh=120.0)
HEAD = "trade,start,minutes,mw,price_eur_per_mwh\n"


def test_a_file_of_trades_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    rows = "".join(f"{t.trade},{t.start.isoformat()},{t.minutes},{t.mw},{t.price_eur_per_mwh}\n" for t in (ONE, HOUR))
    path.write_text(HEAD + rows)
    assert read_trades(path) == {2: ONE, 3: HOUR}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trade,start\n", "expected the columns trade,start,minutes,mw,price_eur_per_mwh, found trade,start"),
        (HEAD + "a,2026-03-29T10:00,15,1,2\n", "line 2, column start: '2026-03-29T10:00' has no UTC offset"),
        (HEAD + "a,2026-03-29T10:00Z,15,1\n", "line 2: expected 5 values"),
        (HEAD + "a,2026-03-29T10:00Z,15,much,x\n", "line 2, column price_eur_per_mwh: 'x' is not a number"),
        (HEAD + "a,2026-03-29T10:00Z,1.5,1,2\n", "line 2, column minutes: '1.5' is not a whole number"),
    ],
)
def test_a_doubtful_file_of_trades_is_refused_with_every_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        read_trades(path)
    assert words in str(refused.value)
