"""Lays AGR_ environment variables over what the configuration file says."""

import os
from collections.abc import Mapping
from typing import Any

from agr.domain.errors import SettingsError
from agr.settings.daemon import Settings

PREFIX = "AGR_"
_NESTED = "__"


def overlaid(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with those of the environment over them, section by section. Raises SettingsError."""
    fields = {name.upper() for name in Settings.model_fields}
    named = (variable.upper().removeprefix(PREFIX).split(_NESTED)[0] for variable in os.environ if _ours(variable))
    if fields.isdisjoint(named):
        return dict(values)
    # Needed by few and slow to import: most commands are configured by the file alone.
    from pydantic_settings import EnvSettingsSource
    from pydantic_settings import SettingsError as SourceError

    try:
        source: Any = EnvSettingsSource(Settings, env_prefix=PREFIX, env_nested_delimiter=_NESTED)  # type: ignore[arg-type]
        return _merged(values, source())
    except SourceError as error:
        raise SettingsError(f"environment: {error}; lists and sections are written as JSON") from error


def _ours(variable: str) -> bool:
    return variable.upper().startswith(PREFIX)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both as one, sections merged key by key; where both have a value, the one above wins."""
    found = dict(below)
    for key, value in above.items():
        under = found.get(key)
        found[key] = _merged(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return found
