"""E-programs on their way out: the layouts (CSV, JSON), the file, the POST. Source: docs/reference/e-program.md."""

import csv
import io
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from agr.connectors.folders import folder_to_disk
from agr.connectors.posting import post as send
from agr.domain.e_program import EProgram, mwh_of
from agr.domain.errors import DeliveryError
from agr.domain.isp import Period
from agr.settings import Brp

LAYOUT = "agr-e-program/1"
COLUMNS = (
    "brp", "period", "revision", "message_id", "isp", "start", "minutes", "energy_mwh", "day_ahead_mwh", "intraday_mwh",
    "imbalance_mwh",
)  # fmt: skip
TIMEOUT_S = 20.0
_SHOWN = 200
"""Most characters of an answer that an alarm quotes."""
_DECIMALS = 9
"""Decimals of energies in MWh: 1 W for a minute is 1.7e-8 MWh."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One revision of an e-program, addressed."""

    sender: str  # our domain
    brp: str
    period: Period
    revision: int
    plan: int
    message_id: str
    made_at: datetime
    content: EProgram

    def rows(self) -> list[dict[str, Any]]:
        """Return a record per ISP: its number from 1, its start in local time, and energy in MWh."""
        of = self.content
        parts = zip(self.period.starts(), of.power_w, of.day_ahead_w, of.intraday_w, of.imbalance_w, strict=True)
        return [
            {
                "isp": isp, "start": start.astimezone(self.period.tz).isoformat(),
                **{
                    name: round(mwh_of(watts, self.period), _DECIMALS)
                    for name, watts in zip(COLUMNS[-4:], powers, strict=True)
                },
            }
            for isp, (start, *powers) in enumerate(parts, start=1)
        ]  # fmt: skip

    def csv(self) -> str:
        """Return the file: a header, and a row per ISP."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        of_all = {
            "brp": self.brp, "period": str(self.period), "revision": self.revision, "message_id": self.message_id,
            "minutes": self.period.isp_minutes,
        }  # fmt: skip
        for row in self.rows():
            numbers = {name: f"{row[name]:.{_DECIMALS}f}" for name in COLUMNS[-4:]}
            writer.writerow(of_all | row | numbers)
        return text.getvalue()

    def json(self) -> dict[str, Any]:
        """Return the body of the POST."""
        return {
            "layout": LAYOUT, "message_id": self.message_id, "sender": self.sender, "brp": self.brp,
            "period": str(self.period), "time_zone": self.period.zone_name, "isp_minutes": self.period.isp_minutes,
            "revision": self.revision, "plan": self.plan, "made_at": self.made_at.isoformat(), "isps": self.rows(),
        }  # fmt: skip

    @property
    def file_name(self) -> str:
        """The name of its file; no two revisions have the same."""
        return f"e-program-{self.brp}-{self.period.day}-r{self.revision}.csv"


def write_file(letter: Letter, folder: Path) -> Path:
    """Write the file as a whole or not at all, over what an interrupted attempt left, and bring it to the disk.

    Raises DeliveryError.
    """
    path = folder / letter.file_name
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.write(letter.csv())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        folder_to_disk(folder)
    except OSError as error:
        raise DeliveryError(f"{path} cannot be written ({error.strerror}); see brps.folder") from error
    return path


def post(letter: Letter, brp: Brp, client: httpx.Client) -> str:
    """Post an e-program; return how it was answered. Raises DeliveryError.

    The header Idempotency-Key is the message id: a BRP that gets a revision twice, after a crash of ours, knows it by
    that.
    """
    assert brp.url is not None
    headers = {name: _secret(brp, variable) for name, variable in brp.header_env.items()}
    headers |= {"Idempotency-Key": letter.message_id, "Content-Type": "application/json"}
    content = json.dumps(letter.json(), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    try:
        answer = send(client, brp.url, content, headers, timeout_s=TIMEOUT_S, shown=_SHOWN)
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):
        # the error's text may hold a header's secret
        raise DeliveryError(f"nothing can be sent to BRP {brp.name}; check brps.url and brps.header_env") from None
    except httpx.HTTPError as error:
        raise DeliveryError(f"BRP {brp.name} cannot be reached ({type(error).__name__}: {error})") from error
    if not answer.good:
        raise DeliveryError(f"BRP {brp.name} answered {answer}; check brps.url and brps.header_env, or ask it why")
    return f"HTTP {answer.status}"


def _secret(brp: Brp, variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise DeliveryError(f"the environment variable {variable} of BRP {brp.name} is not set; see brps.header_env")
    return value
