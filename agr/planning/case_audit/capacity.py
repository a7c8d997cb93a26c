"""Checks balancing-capacity products: price and depth of every block of local hours, and awards. Pure.

Source: docs/reference/formulation.md §3.5; docs/reference/configuration.md (markets.capacity).
"""

from collections.abc import Iterator

import numpy as np

from agr.planning.case_audit.context import AuditContext
from agr.planning.case_audit.findings import differences
from agr.planning.case_audit.markets import series, settled
from agr.settings import CapacityProduct
from models.case import Reserve


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield findings about products that are not as configured, priced and awarded."""
    products, found = context.facts.markets.capacity, context.case.reserves
    names = [product.name for product in products]
    if names != [reserve.name for reserve in found]:
        yield f"case: has the products {[reserve.name for reserve in found]}, the settings give {names}"
        return
    for product, reserve in zip(products, found, strict=True):
        yield from _product(context, product, reserve)


def _product(context: AuditContext, product: CapacityProduct, reserve: Reserve) -> Iterator[str]:
    day, name = context.day, product.name
    block = day.clock // (60 * product.block_hours)
    blocks = 24 // product.block_hours
    values, price, depth = series(context, product.series), np.zeros(blocks), np.zeros(blocks)
    for b in range(blocks):
        mine = values[block == b]
        if len(mine) and not np.isnan(mine).any():  # a block without all its prices is not bid for
            hours = len(mine) * day.hours if product.price_unit == "EUR/MW/h" else 1.0
            price[b], depth[b] = mine.sum() / len(mine) * hours, product.max_mw
    chance = np.zeros(0)
    if product.award:
        earns = [share * probability for share, probability in product.award]
        likeliest = max(p for (_, p), eur in zip(product.award, earns, strict=True) if eur == max(earns))
        asked = min(s for (s, p), eur in zip(product.award, earns, strict=True) if (p, eur) == (likeliest, max(earns)))
        price, chance = price * asked, np.full(blocks, likeliest)
    over = np.array([bool((block[: context.facts.closed_isps] == b).any()) for b in range(blocks)])
    committed = settled(context, name, over)
    if reserve.direction.value != product.direction:
        yield f"case, {name}: direction is {reserve.direction.value}, the settings give {product.direction}"
    for field, expected in (
        ("block", block.astype(np.float64)), ("price_eur_per_mw", price), ("max_mw", depth),
        ("committed_mw", committed), ("award_probability", chance),
    ):  # fmt: skip
        values = np.asarray(getattr(reserve, field), dtype=np.float64)
        if values.shape != expected.shape:
            yield f"case, {name}: {field} has {len(values)} values, the day {len(expected)}"
            continue
        yield from differences([name] * len(expected), field, values, expected)
    for field, number in (
        ("minimum_mw", product.minimum_mw), ("step_mw", product.step_mw), ("sustain_h", product.sustain_minutes / 60),
        ("shortfall_eur_per_mwh", product.shortfall_eur_per_mwh),
    ):  # fmt: skip
        yield from differences([name], field, np.array([getattr(reserve, field)]), np.array([number]))
