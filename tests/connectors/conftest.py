"""A folder of tables that tests write and read."""

import pytest

from agr.connectors.tables.folder import read_folder
from tests.connectors.table_samples import CONNECTIONS


@pytest.fixture
def folder(tmp_path):
    """Write files and read the folder: `folder(batteries="…")` → Reading."""

    def read(zone_name="Europe/Amsterdam", isp_minutes=15, **files):
        if "connections" not in files:
            files["connections"] = CONNECTIONS
        for name, text in files.items():
            if text is not None:
                (tmp_path / f"{name.replace('__', '.')}.csv").write_text(text, encoding="utf-8")
        return read_folder(tmp_path, zone_name=zone_name, isp_minutes=isp_minutes)

    read.path = tmp_path  # type: ignore[attr-defined]
    return read
