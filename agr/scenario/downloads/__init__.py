"""Reads what users download: prices, results of capacity auctions and charging sessions, in the publishers' layouts.

A file's columns tell its layout; `layouts/` has one file for each. What cannot be told for certain is refused, with
the file and line, what is wrong and what to do.
"""

from agr.scenario.downloads.layout import FileRead, ImportOptions, Layout, RecordedSession
from agr.scenario.downloads.reading import LAYOUTS, capacity, day_ahead, imbalance, sessions

__all__ = [
    "LAYOUTS",
    "FileRead",
    "ImportOptions",
    "Layout",
    "RecordedSession",
    "capacity",
    "day_ahead",
    "imbalance",
    "sessions",
]
