"""Makes the arrays of a column pool before the first column: room for as many per group as memory allows."""

from typing import TypeAlias

import numpy as np

from models.case import Case, Floats
from models.decomposition.master import column_pool
from models.decomposition.master_tuning import ColumnPool
from models.decomposition.prices.grouping import Grouping

Work: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats, Floats]
"""Rows that kernels write to: (T,), (T,), (R,T), (R,T), (T,), (R,T)."""


def empty_columns(
    case: Case, grouping: Grouping, pool: ColumnPool
) -> tuple[column_pool.Groups, column_pool.Columns, Work]:
    """Return the groups of a case, their columns, of which there are none yet, and the kernels' work space."""
    groups, products, isps = len(grouping.group_point), len(case.reserves), case.isps
    holds = grouping.group_may_hold & (products > 0)
    row = np.where(holds, np.cumsum(holds) - 1, -1)
    size = 8 * isps * (groups + products * int(holds.sum()))
    path_at, path = grouping.paths()
    keep = int(np.clip(pool.memory_bytes // max(size, 1), pool.fewest, pool.most))
    of = column_pool.Groups(
        is_called=grouping.group_called,
        point=grouping.group_point,
        balance=grouping.group_balance,
        reserved=grouping.group_reserved,
        reserve_row=row.astype(np.int64),
        settled=np.zeros(groups, dtype=np.bool_),
        path_at=path_at,
        path=path,
        with_reserve=grouping.places.with_reserve,
        up=grouping.places.takes[0],
        down=grouping.places.takes[1],
    )
    columns = column_pool.Columns(
        power=np.zeros((groups, keep, isps)), held=np.zeros((max(int(holds.sum()), 1), keep, products, isps)),
        cost=np.zeros((groups, keep)), weight=np.zeros((groups, keep)),
        round=np.full((groups, keep), -1, dtype=np.int64), idle=np.zeros((groups, keep), dtype=np.int64),
        count=np.zeros(groups, dtype=np.int64),
    )  # fmt: skip
    work = (
        np.zeros(isps), np.zeros(isps), np.zeros((products, isps)), np.zeros((products, isps)), np.zeros(isps),
        np.zeros((products, isps)),
    )  # fmt: skip
    return of, columns, work
