"""The runner of the fuzzing campaigns stops when a campaign makes no progress."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.builders.campaign_ledger import Ledger
from tests.fuzz import __main__ as campaigns


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, executions: int) -> tuple[int, int]:
    """Return exit code and number of campaigns, each of which exits 0 after that many executions; 0: no row."""
    begun: list[list[str]] = []

    def campaign(command: list[str], **_: object) -> SimpleNamespace:
        begun.append(command)
        assert len(begun) < 50, "no end"
        if executions:
            Ledger(folder / "ledger.jsonl").add(
                target=command[3], executions=executions, seconds=1.0, resident_mb_early=1.0, resident_mb_end=1.0
            )
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(campaigns, "subprocess", SimpleNamespace(run=campaign, STDOUT=subprocess.STDOUT))
    monkeypatch.setattr(sys, "argv", ["fuzz", "--millions", "0.01", "--folder", str(folder)])
    return campaigns.main(), len(begun)


def test_a_campaign_that_ends_well_without_having_run_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, 0) == (1, 1)
    assert "a campaign failed" in capsys.readouterr().out


def test_campaigns_go_on_until_each_target_has_its_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path, 2_000) == (0, 2 + 2 + 1 + 1 + 1)
