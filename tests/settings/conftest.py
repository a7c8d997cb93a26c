"""A configuration file that tests write and load."""

import os

import pytest

from agr.settings import load


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch):
    for name in [name for name in os.environ if name.upper().startswith("AGR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path):
    """Write agr.toml and load it."""

    def read(text, domain='domain = "agr.example.com"\n'):
        (tmp_path / "agr.toml").write_text(domain + text, encoding="utf-8")
        return load(tmp_path / "agr.toml")

    read.folder = tmp_path  # type: ignore[attr-defined]
    return read
