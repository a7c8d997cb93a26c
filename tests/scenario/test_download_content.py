"""Files as they are packed, encoded and framed: read where that is clear, refused in words where not."""

import gzip
import io
import json
import zipfile
from zoneinfo import ZoneInfo

import pytest

from agr.domain.errors import TableError
from agr.scenario import downloads
from agr.scenario.downloads import ImportOptions

ASKED = ImportOptions(tz=ZoneInfo("Europe/Amsterdam"))
HEAD, ROWS = (
    "start;end;price_eur_mwh",
    ["2024-04-10 00:00;2024-04-10 01:00;50,5", "2024-04-10 01:00;2024-04-10 02:00;48"],
)
TEXT = "\n".join([HEAD, *ROWS]) + "\n"


def zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # without the time: its bytes name tests
    return packed.getvalue()


def values(tmp_path, content: bytes | str) -> list[float]:
    path = tmp_path / "prices.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [p.value for p in downloads.day_ahead(path, ASKED).values]


# Named, since packed files hold the time of packing and every test process must collect the same tests.
PACKINGS = {
    "plain": TEXT,
    "lines end as on Windows": TEXT.replace("\n", "\r\n"),
    "lines end as on old Macs": TEXT.replace("\n", "\r"),
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "UTF-16 with a mark": TEXT.encode("utf-16"),
    "UTF-16, little end first": TEXT.encode("utf-16-le"),
    "UTF-16, big end first": TEXT.encode("utf-16-be"),
    "tabs": TEXT.replace(";", "\t"),
    "bars": TEXT.replace(";", "|"),
    "gzip": gzip.compress(TEXT.encode()),
    "zip": zipped({"a.csv": TEXT}),
    "zip made on a Mac": zipped({"x/a.csv": TEXT, "__MACOSX/x/._a.csv": "x"}),
    "separator named": f"sep=;\n{TEXT}",
    "title above": f"Day-ahead prices\n\nsource;ENTSO-E\n{TEXT}",
    "comments around": f"# made here\n{TEXT}# the end\n",
    "separator at the end of rows": TEXT.replace("\n", ";\n").replace(f"{HEAD};", HEAD),
    "empty lines": TEXT.replace("\n", "\n\n"),
    "JSON of texts": json.dumps([dict(zip(HEAD.split(";"), row.split(";"), strict=True)) for row in ROWS]),
    "JSON of numbers": json.dumps(
        {
            "data": [
                {"start": "2024-04-09T22:00Z", "end": "2024-04-09T23:00Z", "price_eur_mwh": 50.5},
                {"start": "2024-04-09T23:00Z", "end": "2024-04-10T00:00Z", "price_eur_mwh": 48},
            ]
        }
    ),
}


@pytest.mark.parametrize("content", PACKINGS.values(), ids=PACKINGS.keys())
def test_packings_encodings_and_frames_are_read(tmp_path, content):
    assert values(tmp_path, content) == [50.5, 48]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped({"a.csv": TEXT, "b.csv": TEXT}), r"is a zip of 2 files \(a.csv, b.csv\); unpack it and give one"),
        (zipped({"[Content_Types].xml": "", "xl/a.xml": ""}), "is a spreadsheet, not text; save the sheet as CSV"),
        (zipped({"a.csv": TEXT})[:40], "is a spreadsheet or a damaged zip file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "is not text"),
        (f"{TEXT}Sum;;98,5;\n", "line 4: has 4 values, the header has 3 columns"),
        (f"{TEXT}Source: ENTSO-E\n", "line 4: has 1 values, the header has 3 columns"),
        (TEXT.replace(";50,5", ';"50,5'), "line 2: is not a row of a table .*; is a quotation mark missing"),
        ('{"a": 1', "is not a CSV table, and not JSON"),
        ("[1, 2]", r"is JSON, but no list of records \(objects\)"),
        (TEXT.replace("eur_mwh", "").replace("price_", "price"), r"found no column for price with its unit, such as"),
        (TEXT.replace("eur", "gbp"), r"column 'price_gbp_mwh' is not in EUR; convert its prices to EUR and rename it"),
        (
            "start,end,price_eur_mwh,remark\n2024-04-10 00:00,2024-04-10 01:00,50,25,\n",
            "line 2: has 5 values, the header",
        ),
    ],
)
def test_what_is_not_clear_is_refused_in_words(tmp_path, content, words):
    with pytest.raises(TableError, match=words):
        values(tmp_path, content)


def test_western_letters_are_read_with_a_note(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_bytes("start;end;price (€/MWh)\n2024-04-10 00:00;2024-04-10 01:00;50,5\n".encode("cp1252"))
    reading = downloads.day_ahead(path, ASKED)
    assert [p.value for p in reading.values] == [50.5]
    assert reading.notes == ["prices.csv is not UTF-8; its letters were read as Windows-1252"]


@pytest.mark.parametrize(
    ("header", "cell", "value"),
    [("Preis (EUR/kWh)", "0,0505", 50.5), ("Prijs [ct/kWh]", "5,05", 50.5), ("Prix (€/MWh)", "50,5", 50.5)],
)
def test_the_unit_in_a_column_s_name_counts(tmp_path, header, cell, value):
    assert (
        values(tmp_path, TEXT.replace("price_eur_mwh", header).replace("50,5", cell).replace(";48", f";{cell}"))[0]
        == value
    )


def test_a_day_of_prices_below_one_euro_is_refused_and_kwh_named(tmp_path):
    rows = [f"2024-04-10 {h:02}:00;2024-04-10 {h + 1:02}:00;0,{h + 10}" for h in range(23)]
    with pytest.raises(TableError, match=r"0\.32 EUR/MWh is the highest of 23 prices: are they EUR/kWh\?"):
        values(tmp_path, "\n".join([HEAD, *rows]))


def test_the_same_faults_of_many_rows_are_told_in_a_few_lines(tmp_path):
    rows = [f"2024-04-10 {h:02}:00;2024-04-10 {h + 1:02}:00;x{h}" for h in range(23)]
    with pytest.raises(TableError) as caught:
        values(tmp_path, "\n".join([HEAD, *rows]))
    assert len(caught.value.faults) == 6
    assert "18 more like line 2, the last here" in caught.value.faults[-1]


def test_an_area_in_a_column_of_any_name_can_be_chosen(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("start;end;Markt;price_eur_mwh\n2024-04-10 00:00;2024-04-10 01:00;NL;50\n"
                    "2024-04-10 00:00;2024-04-10 01:00;BE;60\n")  # fmt: skip
    with pytest.raises(TableError, match=r"the rows differ in Markt \('NL', 'BE'\)"):
        downloads.day_ahead(path, ASKED)
    found = downloads.day_ahead(path, ImportOptions(tz=ASKED.tz, area="BE")).values
    assert [p.value for p in found] == [60]


def test_a_row_that_begins_with_a_hash_is_no_comment_where_it_is_as_wide_as_the_header(tmp_path):
    path = tmp_path / "sessions.csv"
    row = "{};cp1;2024-04-10 08:00;2024-04-10 12:00;12,5\n"
    head = "session_id;charger;start;end;energy_kwh\n"
    path.write_text(f"# sessions of April\n{head}{row.format('#1')}# more below\n{row.format('2')}")
    assert [s.session for s in downloads.sessions(path, ASKED).values] == ["#1", "2"]
