"""Creates the peers' virtual environments under .venv-bench; one that cannot be installed is left out, with a reason.

As a command: python -m benchmarks.environment
"""

import hashlib
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
FOLDER = PROJECT / ".venv-bench"
LOCKS = {"solvers": "requirements.txt", "flexmeasures": "requirements-flexmeasures.txt"}
_TIME_LIMIT_S = 900


def python_of(name: str) -> Path | None:
    """Return the environment's Python, or None when it is not installed."""
    python = FOLDER / name / "bin" / "python"
    return python if (FOLDER / f"{name}.sha256").is_file() and python.is_file() else None


def reason(name: str) -> str:
    """Return why an environment is missing."""
    note = FOLDER / f"{name}.failed"
    return note.read_text(encoding="utf-8") if note.is_file() else "not installed; run make bench"


def make(name: str) -> bool:
    """Create a missing or outdated environment; return False, and note the reason, when that fails."""
    lock = Path(__file__).with_name(LOCKS[name])
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp, failed = FOLDER / f"{name}.sha256", FOLDER / f"{name}.failed"
    if python_of(name) and stamp.read_text(encoding="ascii") == digest:
        return True
    FOLDER.mkdir(exist_ok=True)
    stamp.unlink(missing_ok=True)
    python = str(FOLDER / name / "bin" / "python")
    # The lock is complete. Without --no-deps, older pips look for a newer release of what is required with an extra.
    pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    install = [*pip, "--require-hashes", "--no-deps", "-r", str(lock)]
    for command in ([sys.executable, "-m", "venv", "--clear", str(FOLDER / name)], install):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False)  # noqa: S603
            why = (done.stderr or done.stdout).strip() if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            why = str(error) or type(error).__name__
        if why:
            failed.write_text(why.splitlines()[-1], encoding="utf-8")
            return False
    failed.unlink(missing_ok=True)
    stamp.write_text(digest, encoding="ascii")  # last, so that an interrupted installation is repeated
    return True


def main() -> None:
    """Create the missing environments, with a message for each."""
    for name in LOCKS:
        if python_of(name) is None:
            print(f"setting up {FOLDER.name}/{name} (once)", file=sys.stderr)  # noqa: T201
        if not make(name):
            print(f"{FOLDER.name}/{name} cannot be installed and is left out: {reason(name)}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
