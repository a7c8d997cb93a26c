"""Folders into which files are written for others."""

import os
from pathlib import Path


def folder_to_disk(folder: Path) -> None:
    """Bring the names of the files in a folder to the disk; their contents are there already. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
