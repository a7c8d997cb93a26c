"""Reads the configuration file and says everything that is wrong with it in words."""

import os
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError as SourceError

from agr.domain.errors import SettingsError
from agr.settings.daemon import Settings

_PREFIX = "AGR_"
_SECRET = {"store_url"}  # may carry a password: never repeated in a message
_MEMORY = (":memory:", "file:")


def load(path: Path) -> Settings:
    """Read the TOML file and the environment; relative paths are relative to the file's folder.

    Raises SettingsError that lists every fault: file, key, what was expected, what to do.
    """
    values = _read(path)
    misspelt = _misspelt_variables()
    try:
        settings = Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise _several(path, [*misspelt, *(_fault_in_words(detail) for detail in error.errors())]) from error
    except SourceError as error:
        raise _several(path, [*misspelt, f"environment: {error}; lists and sections are written as JSON"]) from error
    if misspelt:
        raise _several(path, misspelt)
    return _resolved(settings, path.resolve().parent)


def template() -> str:
    """Return the commented example configuration; it loads as it is."""
    return files("agr.settings").joinpath("template.toml").read_text(encoding="utf-8")


def write_example(folder: Path, domain: str) -> Path:
    """Write agr.toml with our domain into the folder and return its path. Raises SettingsError if there is one."""
    path = folder / "agr.toml"
    text = template().replace("agr.example.com", domain)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise SettingsError(f"{path}: exists already and is kept; remove it or choose another folder") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror}); check the folder") from error
    return path


def _several(path: Path, faults: Sequence[str]) -> SettingsError:
    count = f"{len(faults)} fault" + ("" if len(faults) == 1 else "s")
    return SettingsError(f"{path}: {count}, the configuration cannot be used:\n" + "\n".join(f"- {f}" for f in faults))


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
        raise SettingsError(f"{path}: is not valid TOML: {error}; correct that place") from error


def _resolved(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(
        update={
            "key_file": folder / settings.key_file,
            "key_passphrase_file": settings.key_passphrase_file and folder / settings.key_passphrase_file,
            "data_folder": folder / settings.data_folder,
            "store_url": _resolved_store(settings.store_url, folder),
            "tls": _placed(settings.tls, folder),
            "alarms": _placed(settings.alarms, folder),
            "discovery": _placed(settings.discovery, folder),
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
        first = variable.removeprefix(_PREFIX).split("__")[0].upper()
        close = get_close_matches(first, known, n=1, cutoff=0.85)
        if variable.startswith(_PREFIX) and first not in known and close:
            faults.append(f"environment variable {variable}: no such setting; did you mean {_PREFIX}{close[0]}?")
    return faults


def _fault_in_words(detail: ErrorDetails) -> str:
    keys = tuple(part for part in detail["loc"] if part not in _UNION_BRANCHES)
    model, description = _place(keys)
    where = _where(keys)
    kind = detail["type"]
    if kind == "missing":
        return f"{where}: is missing; add it. {description}"
    if kind == "extra_forbidden":
        known = list(model.model_fields) if model else []
        close = get_close_matches(str(keys[-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}."
        return f"{where}: is not a setting; remove or correct it; {hint}"
    message = _IN_WORDS.get(kind) or detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if not keys:
        return message
    shown = keys[-1] not in _SECRET and isinstance(detail["input"], str | int | float)
    given = f"{detail['input']!r} " if shown else ""
    return f"{where}: {given}{message if message.startswith('should') else f'is wrong: {message}'}. {description}"


_IN_WORDS = {"model_type": "should be a section", "tuple_type": "should be a list", "dict_type": "should be a table"}
_UNION_BRANCHES = ("tuple", "str", "nullable")


def _where(keys: tuple[int | str, ...]) -> str:
    """Return the key as written in the file, entries counted from 1, and the variable that set it, if one did."""
    name = ""
    for key in keys:
        name += f" (entry {key + 1})" if isinstance(key, int) else f".{key}" if name else key
    variables = {_PREFIX + "__".join(str(k) for k in keys[:n]).upper() for n in range(1, len(keys) + 1)}
    used = sorted(variable for variable in os.environ if variable.upper() in variables)
    return f"{name} (set by the environment variable {used[-1]})" if used else name


def _place(keys: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, str]:
    """Return the model the last key lives in and the description of the setting."""
    model: type[BaseModel] | None = Settings
    owner, description = model, ""
    for key in keys:
        if isinstance(key, int):
            continue
        owner = model
        field = model.model_fields.get(key) if model else None
        if field is None:
            break
        description = field.description or ""
        model = _model_in(field.annotation)
    return owner, description


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the section a field holds, alone or in a tuple."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
