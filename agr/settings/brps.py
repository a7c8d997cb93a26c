"""Balance responsible parties: who answers for our energy, and how each gets its e-program."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from agr.settings.section import MarketTime, Name, Section, VariableName, WebAddress

BrpName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Brp(Section):
    """A balance responsible party (BRP) that answers for connections of ours."""

    name: BrpName = Field(
        description="Its name, as in the column `brp` of connections: letters, digits, `.`, `_`, `-`; unique."
    )
    balance: Literal["together", "itself"] = Field(
        default="together",
        description="together: its energy may make up for that of other BRPs; itself: it never does.",
    )
    url: WebAddress | None = Field(default=None, description="Where each e-program is posted as JSON; none: nowhere.")
    header_env: dict[Name, VariableName] = Field(
        default={}, description="HTTP header → environment variable with its value, e.g. a token."
    )
    folder: Path | None = Field(
        default=None, description="A CSV file per revision is written here, e-program-BRP-DAY-rN.csv; none: no files."
    )
    gate: MarketTime = Field(
        default=MarketTime(at=time(14), days_before=1),
        description="When it must have accepted the e-program; an alarm says so if it has not.",
    )


def brp_faults(brps: tuple[Brp, ...]) -> list[str]:
    """Return what is wrong between BRPs; names are file names, too, and some systems ignore the case of these."""
    names = [brp.name.lower() for brp in brps]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"brps: {name} is given twice (capitals do not count); keep one" for name in twice]
