"""How tidy tables are laid out: rows by subject and ISP, indexed by aware local time, with their Period and step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.register import Register
from agr.scenario.day import Step

Floats = NDArray[np.float64]
Frame = pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class TableContext:
    """What a case does not say: kind and connection of its resources, by name."""

    kinds: Mapping[str, str]
    connections: Mapping[str, str]


def known_of(register: Register) -> TableContext:
    """Return the context of a register's resources."""
    kinds = {row.resource: kind.name for kind in KINDS for row in register.of(kind.row)}
    return TableContext(kinds=kinds, connections=register.connection_of())


def grid(step: Step, labels: Mapping[str, Sequence[object]], values: Mapping[str, Floats]) -> Frame:
    """Return one row per label and ISP; values are (N,T)."""
    period, isps = step.period, step.solved.named.case.isps
    count = len(next(iter(labels.values()))) if labels else 1
    columns: dict[str, object] = {**_stamps(step, count * isps), "isp": np.tile(np.arange(1, isps + 1), count)}
    for name, items in labels.items():
        known = pd.Categorical([str(item) for item in items])
        columns[name] = pd.Categorical.from_codes(np.repeat(known.codes, isps), dtype=known.dtype)
    for name, array in values.items():
        columns[name] = np.asarray(array, dtype=np.float64).reshape(-1)
    return pd.DataFrame(columns, index=times(period)[np.tile(np.arange(isps), count)])


@lru_cache(maxsize=64)
def times(period: Period) -> pd.DatetimeIndex:
    """Return the start of every ISP in local time."""
    return pd.DatetimeIndex(period.starts(), name="time").tz_convert(period.zone_name)


def stamped(step: Step, frame: Frame) -> Frame:
    """Return the frame with its first columns, period and step."""
    for place, (name, values) in enumerate(_stamps(step, len(frame)).items()):
        frame.insert(place, name, pd.Series(values, index=frame.index))
    return frame


def _stamps(step: Step, rows: int) -> dict[str, pd.Categorical]:
    """Return the first columns of a table of a step: in each, one word in every row."""
    codes = np.zeros(rows, dtype=np.int8)
    words = {"period": str(step.period), "step": step.name}
    return {name: pd.Categorical.from_codes(codes, dtype=_only(word)) for name, word in words.items()}


@lru_cache(maxsize=1024)
def _only(word: str) -> pd.CategoricalDtype:
    return pd.CategoricalDtype([word])


def at_times(starts: list[pd.Timestamp], period: Period) -> pd.DatetimeIndex:
    """Return the index of rows that begin at these moments, in local time."""
    return pd.DatetimeIndex(starts, name="time", tz=period.zone_name).as_unit("ms")  # as Parquet keeps it


def joined(frames: Sequence[Frame]) -> Frame:
    """Return the rows of all frames, of which there is at least one, with the union of their categories."""
    frames = [frame for frame in frames if len(frame)] or list(frames[:1])
    if len(frames) == 1:
        return frames[0]
    words = [name for name in frames[0].columns if isinstance(frames[0][name].dtype, pd.CategoricalDtype)]
    unions: dict[str, list[object]] = {}
    for name in words:
        first, *others = (frame[name].cat.categories for frame in frames)
        if not all(first.equals(other) for other in others):
            unions[name] = list(dict.fromkeys(word for some in (first, *others) for word in some))
    if unions:
        frames = [
            frame.assign(**{name: frame[name].cat.set_categories(every) for name, every in unions.items()})
            for frame in frames
        ]
    return pd.concat(frames)
