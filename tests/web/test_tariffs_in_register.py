"""Tariffs on the register's pages: the rows of one connection are checked together, as in a whole import."""

from tests.builders.operators_side import Desk
from tests.web.register_desk import ONE, Person
from tests.web.test_limits_in_register import anna, desk

__all__ = ["anna", "desk"]

TARIFF = {"connection": ONE, "first_day": "2026-01-01", "import_eur_per_mwh": "100", "export_eur_per_mwh": "80"}


def test_a_tariff_is_entered_and_what_earns_too_much_with_export_is_not(desk: Desk, anna: Person) -> None:
    assert anna.enter("connection_tariffs", TARIFF).status_code == 200
    assert f"tariff of {ONE}" in anna.get("/log").text
    again = anna.enter("connection_tariffs", TARIFF)
    assert again.status_code == 422
    assert "the whole row is the same as that in row 1" in again.text
    more = TARIFF | {"import_eur_per_mwh": "0", "export_eur_per_mwh": "30"}
    refused = anna.enter("connection_tariffs", more)
    assert refused.status_code == 422
    assert "export earns 110 EUR/MWh and import costs 100" in refused.text
    assert anna.enter("connection_tariffs", more | {"export_eur_per_mwh": "20"}).status_code == 200
    unknown = anna.enter("connection_tariffs", TARIFF | {"connection": "ean.299000000000000046"})
    assert "is not in the table of connections" in unknown.text
