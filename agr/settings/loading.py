"""Reads the configuration file and lists everything that is wrong with it."""

import os
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from agr.domain.errors import SettingsError
from agr.domain.faults import closest, counted
from agr.settings.daemon import Settings
from agr.settings.environment import PREFIX, overlaid
from agr.settings.market_example import market_sections
from agr.settings.model_faults import Place, model_faults
from agr.settings.section import is_domain

_MARKETS_PLACE = "# (the markets, from agr/settings/markets.py)\n"  # in template.toml
_SECRET = {"store_url"}  # may carry a password: never repeated in a message
_MEMORY = (":memory:", "file:")


def load(path: Path) -> Settings:
    """Read the TOML file and the environment; relative paths are relative to the file's folder.

    Raises SettingsError that lists every fault: file, key, what was expected, what to do.
    """
    values = _read(path)
    misspelt = _misspelt_variables()
    try:
        settings = Settings.model_validate(overlaid(values))
    except ValidationError as error:
        found = model_faults(Settings, error, secret=_SECRET)
        raise _several(path, [*misspelt, *(_at(place, words) for place, words in found)]) from error
    except SettingsError as error:
        raise _several(path, [*misspelt, str(error)]) from error
    if misspelt:
        raise _several(path, misspelt)
    return _resolved(settings, path.resolve().parent)


def template() -> str:
    """Return the commented example configuration; it loads as it is."""
    text = files("agr.settings").joinpath("template.toml").read_text(encoding="utf-8")
    return text.replace(_MARKETS_PLACE, market_sections())


def gopacs_template() -> str:
    """Return the example for trade through GOPACS, at its acceptance environment: offers leave by themselves."""
    before, mark, rest = template().partition("#[gopacs]\n")
    section, gap, after = rest.partition("\n\n")
    lines = "\n".join(line.removeprefix("#") for line in section.splitlines())
    lines = lines.replace("broker.gopacs-", "broker.acc.gopacs-").replace("api.gopacs-", "api.acc.gopacs-")
    head = (
        '# These are hosts of the acceptance environment; without ".acc" they are those of production. Compare\n'
        "# token_url with what you got with your credentials: nobody has tried this one there.\n"
    )
    automatic = "automatic = false                      # true: offers leave"
    return (before + head + mark.removeprefix("#") + lines + gap + after).replace(
        automatic, automatic.replace("false", "true ", 1)
    )


def write_example(folder: Path, domain: str, profile: Literal["uftp", "gopacs"] = "uftp") -> Path:
    """Write agr.toml with our domain into the folder and return its path.

    Raises SettingsError if the file exists, or the domain is none.
    """
    if not is_domain(domain):
        raise SettingsError(
            f'domain {domain!r}: expected an internet domain in lower case, e.g. "agr.example.com"; nothing was written'
        )
    path = folder / "agr.toml"
    text = (gopacs_template() if profile == "gopacs" else template()).replace("agr.example.com", domain)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise SettingsError(
            f"{path}: exists already and was not overwritten; remove it or choose another folder"
        ) from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror}); check the folder") from error
    return path


def _several(path: Path, faults: Sequence[str]) -> SettingsError:
    return SettingsError(
        f"{path}: {counted(faults)}, the configuration cannot be used:\n" + "\n".join(f"- {f}" for f in faults)
    )


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no such file; `agr init` writes an example") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not valid TOML: {error}; correct it there") from error


def _resolved(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(
        update={
            "key_file": folder / settings.key_file,
            "key_passphrase_file": settings.key_passphrase_file and folder / settings.key_passphrase_file,
            "data_folder": folder / settings.data_folder,
            "store_url": _resolved_store(settings.store_url, folder),
            "planning": _placed(settings.planning, folder),
            "programs": _placed(settings.programs, folder),
            "bids": settings.bids.model_copy(update={"files": tuple(_placed(f, folder) for f in settings.bids.files)}),
            "tls": _placed(settings.tls, folder),
            "alarms": _placed(settings.alarms, folder),
            "operators": settings.operators.model_copy(
                update={"oidc": settings.operators.oidc and _placed(settings.operators.oidc, folder)}
            ),
            "discovery": _placed(settings.discovery, folder),
            "brps": tuple(_placed(brp, folder) for brp in settings.brps),
            "participants": tuple(
                p.model_copy(update={"client_certificate": _placed(p.client_certificate, folder)})
                if p.client_certificate
                else p
                for p in settings.participants
            ),
        }
    )


def _placed(section: BaseModel, folder: Path) -> BaseModel:
    """Return a section with its paths relative to the file's folder."""
    paths = {name: folder / value for name, value in section if isinstance(value, Path)}
    return section.model_copy(update=paths)


def _resolved_store(url: str, folder: Path) -> str:
    scheme, separator, place = url.partition(":///")
    in_memory = not place or place.startswith(_MEMORY)
    if not separator or not scheme.startswith("sqlite") or in_memory or Path(place).is_absolute():
        return url
    return f"{scheme}:///{folder / place}"


def _misspelt_variables() -> list[str]:
    """Report AGR_ variables that almost name a setting; others may belong to somebody else."""
    known = [name.upper() for name in Settings.model_fields]
    faults = []
    for variable in sorted(os.environ):
        first = variable.removeprefix(PREFIX).split("__")[0].upper()
        close = closest(first, known, similarity=0.85)
        if variable.startswith(PREFIX) and first not in known and close:
            faults.append(f"environment variable {variable}: no such setting; did you mean {PREFIX}{close}?")
    return faults


def _at(place: Place, words: str) -> str:
    return f"{_where(place)}: {words}" if place else words


def _where(keys: Place) -> str:
    """Return the key as written in the file, entries counted from 1, and the variable that set it, if one did."""
    name = ""
    for key in keys:
        name += f" (entry {key + 1})" if isinstance(key, int) else f".{key}" if name else key
    variables = {PREFIX + "__".join(str(k) for k in keys[:n]).upper() for n in range(1, len(keys) + 1)}
    used = sorted(variable for variable in os.environ if variable.upper() in variables)
    return f"{name} (set by the environment variable {used[-1]})" if used else name
