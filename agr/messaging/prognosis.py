"""Turns a plan's programs into D-Prognoses and says which differ from what was sent. Pure."""

from collections.abc import Sequence
from datetime import datetime

from agr.domain.isp import Period
from agr.domain.program import compress
from agr.uftp.messages import DPrognosis


def values_to_send(program_w: Sequence[int], accepted_w: Sequence[int] | None, closed_isps: int) -> tuple[int, ...]:
    """Return the program with closed ISPs at their last accepted values: those can no longer change.

    Source: UFTP specification, validate phase, gate closure times (all ISPs are sent).
    """
    if accepted_w is None or len(accepted_w) != len(program_w):
        return tuple(program_w)
    return (*accepted_w[:closed_isps], *program_w[closed_isps:])


def differs(new_w: Sequence[int], sent_w: Sequence[int] | None, threshold_w: int) -> bool:
    """Say whether any ISP moved by at least the threshold since the last prognosis; True when none was sent."""
    if sent_w is None or len(sent_w) != len(new_w):
        return True
    if tuple(new_w) == tuple(sent_w):  # nearly always so, and quick to see
        return False
    return any(abs(a - b) >= threshold_w for a, b in zip(new_w, sent_w, strict=True))


def d_prognosis(
    power_w: Sequence[int], *, period: Period, congestion_point: str, revision: int, sender: str, recipient: str,
    version: str, now: datetime, message_id: str, conversation_id: str,
) -> DPrognosis:  # fmt: skip
    """Return the message: every ISP, in W, run-length coded."""
    return DPrognosis(
        version=version,
        sender_domain=sender,
        recipient_domain=recipient,
        time_stamp=now,
        message_id=message_id,
        conversation_id=conversation_id,
        isp_duration=f"PT{period.isp_minutes}M",
        time_zone=period.zone_name,
        period=period.day,
        congestion_point=congestion_point,
        revision=revision,
        isps=compress(power_w),
    )
