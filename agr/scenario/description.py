"""Reads scenario.yaml: the question, the day, who takes part, and what happens. Paths are relative to its folder."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agr.errors import InputError
from agr.isp import Period
from agr.settings import Markets


class Part(BaseModel):
    """Frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Release(Part):
    """A DSO gives back part of what it reserved."""

    kind: Literal["release"]
    at: AwareDatetime
    contract: str
    keep_share: float = Field(ge=0, le=1, description="Share of the contracted power that stays reserved.")


class Generator(BaseModel):
    """How the tables were made; kept for the record."""

    model_config = ConfigDict(frozen=True, extra="allow")


def _as_date(value: object) -> object:
    return value.date() if isinstance(value, datetime) else value


class Description(Part):
    """One scenario: tables/ beside it hold the register, cro.json what the CRO knows."""

    title: str
    question: str
    period: Annotated[date, BeforeValidator(_as_date)]
    zone: str = "Europe/Amsterdam"
    isp_minutes: int = 15
    seed: int | None = None
    agr: str = "agr.example"
    cros: tuple[str, ...]
    dsos: tuple[str, ...]
    markets: Markets = Markets()
    events: tuple[Release, ...] = ()
    generator: Generator | None = None

    @property
    def of(self) -> Period:
        """The Period the scenario plans."""
        return Period(self.period, self.zone, self.isp_minutes)


def describe(folder: Path) -> Description:
    """Read a scenario folder; raises InputError with every fault, in words."""
    path = folder / "scenario.yaml"
    try:
        return Description.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a folder with a scenario.yaml") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from error
    except ValidationError as error:
        faults = [f"- {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InputError(f"{path}: {len(faults)} faults:\n" + "\n".join(faults)) from error
