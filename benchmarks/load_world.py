"""The daemon that the load is put on, and how its memory is measured."""

import tempfile
from pathlib import Path

from agr.settings import MessageLimits
from tests.builders.worlds import World

Figures = dict[str, float]
ROOM = MessageLimits(messages_per_minute=10**6)


def peak_mb(line: str = "VmHWM") -> float:
    """Return this process's highest resident memory since `forget_peak`, in MB (Linux)."""
    text = Path("/proc/self/status").read_text()
    return float(text.split(f"{line}:")[1].split()[0]) * 1024 / 1e6


def forget_peak() -> None:
    """Begin to measure the highest memory anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def open_world() -> World:
    """Return a daemon in a folder of its own, which takes any number of messages."""
    return World(Path(tempfile.mkdtemp(prefix="agr-load-")), limits=ROOM)


def point_of(number: int) -> str:
    """Return the address of a congestion point."""
    return f"ea1.2024-01.example.dso:cp-{number:05d}"


def connections_of(point: int) -> tuple[str, ...]:
    """Return the fifty connections of a congestion point."""
    return tuple(f"ean.{point * 50 + c:018d}" for c in range(50))
