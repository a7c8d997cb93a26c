"""Makes the virtual environment of the independent counterparties, once.

As a command: python -m agr.demo.environment FOLDER
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agr.domain.errors import InputError

VARIABLE = "AGR_COUNTERPARTY_PYTHON"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
STAMP = "requirements.sha256"
TIME_LIMIT_S = 600
_IMPORT = "import shapeshifter_uftp"
_FIND = "import importlib.util, sys; sys.exit(importlib.util.find_spec('shapeshifter_uftp') is None)"
"""Checks that the package is installed for this version of Python; takes a tenth of the time that importing it
would."""


def counterparty_python(cache: Path) -> Path:
    """Return a Python that has shapeshifter-uftp: the one that $AGR_COUNTERPARTY_PYTHON names, else a venv at `cache`.

    The venv is made when it is missing or does not match the locked requirements. Two processes at once wait for each
    other. Raises InputError, which says what to do.
    """
    named = os.environ.get(VARIABLE)
    if named:
        python = Path(named)
        fault = _fault_of(python)
        if fault:
            raise InputError(f"{VARIABLE}={named} cannot run the counterparties: {fault}; unset it or install "
                             f"{REQUIREMENTS} there")  # fmt: skip
        return python
    with _alone(cache):
        return _made(cache.absolute())


def _made(cache: Path) -> Path:
    python = cache / "bin" / "python"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = cache / STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest and not _fault_of(python, by=_FIND):
        return python
    stamp.unlink(missing_ok=True)
    _run("make the virtual environment", sys.executable, "-m", "venv", "--clear", str(cache))
    # The lock is complete. Without --no-deps, older pips look for a newer release of what is required with an extra.
    _run("install the locked requirements", str(python), "-m", "pip", "install", "--quiet", "--no-input",
         "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS))  # fmt: skip
    fault = _fault_of(python)
    if fault:
        raise InputError(f"the environment at {cache} was installed but cannot be used: {fault}")
    stamp.write_text(digest, encoding="ascii")  # last, so that an interrupted installation is made again
    return python


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Hold a lock on the folder itself: it survives `venv --clear`, and the system frees it when we die."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        handle = os.open(cache, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"cannot use {cache} for the counterparties' environment: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _fault_of(python: Path, by: str = _IMPORT) -> str:
    """Return why this Python cannot import the library, or nothing; judged by running a program with it."""
    try:
        done = subprocess.run(  # noqa: S603 - a path the operator or we chose
            [str(python), "-c", by], capture_output=True, text=True, timeout=TIME_LIMIT_S,
            check=False,
        )  # fmt: skip
    except OSError as error:
        return f"{error.strerror}"
    except subprocess.TimeoutExpired:
        return f"it did not answer within {TIME_LIMIT_S} s"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]


def _run(purpose: str, *command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"could not {purpose} of the counterparties: {error}") from error
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise InputError(
            f"could not {purpose} of the counterparties; give a Python that has them in ${VARIABLE}, or repeat with "
            f"access to a package index. {' '.join(command[:4])} … said:\n{last}"
        )


if __name__ == "__main__":
    sys.stdout.write(f"{counterparty_python(Path(sys.argv[1]))}\n")
