"""Parts of a configuration file, and how tests read what is wrong with one."""

import base64

import pytest

from agr.domain.errors import SettingsError

KEY = "cs1." + base64.b64encode(bytes(32)).decode()
PARTICIPANT = f"""
[[participants]]
domain = "dso.example.org"
role = "DSO"
endpoint = "https://dso.example.org/shapeshifter/api/v3/message"
public_keys = ["{KEY}"]
"""
PRODUCT = """
[[markets.capacity]]
name = "FCR"
direction = "symmetric"
series = "fcr"
max_mw = 5
gate = { at = "08:00" }
"""
FEED = """
[[feeds]]
name = "prices"
url = "https://prices.example.org/{period}"
kind = "price"
series = "day_ahead"
"""


def faults(config, text, **options):
    with pytest.raises(SettingsError) as caught:
        config(text, **options)
    first, *lines = str(caught.value).split("\n")
    assert first.startswith(f"{config.folder / 'agr.toml'}: {len(lines)} fault")
    return [line.removeprefix("- ") for line in lines]
