"""Dependencies are locked, and their audit never passes without having run."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_every_locked_version_has_hashes() -> None:
    for name in ("requirements-dev.txt", "agr/demo/requirements.txt", "tests/fuzz/requirements.txt"):
        text = (PROJECT / name).read_text().replace("\\\n", " ")
        pinned = [line for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]
        assert pinned
        assert [line for line in pinned if "==" not in line or "--hash=sha256:" not in line] == []


def fake_audit(folder: Path, answer: str) -> Path:
    """Put a pip-audit with a known answer beside a link to our interpreter."""
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    tool = folder / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    return folder / "python"


def audit(python: Path, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [python, PROJECT / ".ci" / "audit"], capture_output=True, text=True, env=os.environ | environment
    )
    return done.returncode, done.stdout


def test_an_audit_that_cannot_reach_its_service_says_so_and_can_be_made_an_error(tmp_path: Path) -> None:
    away = fake_audit(tmp_path / "away", '{"dependencies": [{"name": "x", "skip_reason": "not found"}]}')
    assert audit(away)[0] == 0
    assert "NOT AUDITED" in audit(away)[1]
    assert audit(away, AUDIT_REQUIRED="1")[0] == 1
    assert "NOT AUDITED" in audit(fake_audit(tmp_path / "broken", "connection refused"))[1]


def test_a_known_vulnerability_fails_the_audit_by_name(tmp_path: Path) -> None:
    bad = '{"dependencies": [{"name": "x", "version": "1", "vulns": [{"id": "CVE-1"}]}]}'
    code, said = audit(fake_audit(tmp_path / "bad", bad))
    assert (code, "x 1: CVE-1" in said) == (1, True)
    good = '{"dependencies": [{"name": "x", "version": "1", "vulns": []}]}'
    code, said = audit(fake_audit(tmp_path / "good", good))
    assert (code, "1 packages audited" in said) == (0, True)


def test_the_bill_of_materials_names_every_locked_package(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.json"
    command = next(line for line in (PROJECT / "Makefile").read_text().splitlines() if "cyclonedx-py" in line)
    words = [*command.replace("dist/sbom.json", str(bill)).split()[1:], "--no-validate"]  # the release does
    subprocess.run([Path(sys.executable).with_name("cyclonedx-py"), *words], cwd=PROJECT, check=True)
    named = {(part["name"].lower(), part["version"]) for part in json.loads(bill.read_text())["components"]}
    locked = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[.*\])?==([^ ;\\]+)", (PROJECT / "requirements-dev.txt").read_text(), re.M
    )
    assert len(locked) > 50
    assert {(name.lower(), version) for name, version in locked} <= named
