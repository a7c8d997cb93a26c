"""Tidy tables of connections: what their limits bind, what their tariffs cost, and what customers pay."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from agr.scenario.day import Step
from agr.scenario.table_frames import Frame, TableContext, at_times, grid, stamped, times
from models import connection_costs
from models.baseline import unmanaged_programs
from models.connection_loads import drawn_kw


def connection_limits(step: Step, known: TableContext) -> Frame:
    """Per limit of a connection or group: what is drawn there, without reserve, its bounds, breaches and worth."""
    case, outcome = step.solved.named.case, step.solved.outcome
    limits, nothing = case.connection_limits, np.zeros((0, case.isps))
    if not len(limits.name):
        names = ("power", "import_limit", "export_limit", "import_breach", "export_breach")
        values = {f"{name}_kw": nothing for name in names}
        values |= {"import_worth_eur_per_mwh": nothing, "export_worth_eur_per_mwh": nothing}
        return grid(step, {"at": (), "congestion_point": ()}, values)
    labels: dict[str, Sequence[object]] = {
        "at": limits.name,
        "congestion_point": [(*case.points, "")[point] for point in limits.point.tolist()],
    }
    values = {
        "power_kw": drawn_kw(case, outcome.programs, None)[0],
        "import_limit_kw": np.where(np.isfinite(limits.import_kw), limits.import_kw, np.nan),
        "export_limit_kw": np.where(np.isfinite(limits.export_kw), limits.export_kw, np.nan),
        "import_breach_kw": outcome.connection_import_breach_kw,
        "export_breach_kw": outcome.connection_export_breach_kw,
        "import_worth_eur_per_mwh": outcome.shadow.connection_import_eur_per_mwh,
        "export_worth_eur_per_mwh": outcome.shadow.connection_export_eur_per_mwh,
    }
    return grid(step, labels, values)


def connection_tariffs(step: Step, known: TableContext) -> Frame:
    """Per connection with a tariff: what it draws, planned and unmanaged, its prices, and what it pays in each ISP."""
    case, outcome = step.solved.named.case, step.solved.outcome
    tariffs, shape = case.connection_tariffs, (len(case.connection_tariffs.name), case.isps)
    imports, exports = (getattr(tariffs, f"{way}_eur_per_mwh").reshape(shape) for way in ("import", "export"))
    power = connection_costs.drawn_kw(case, outcome.programs)
    price = np.where(power > 0, imports, exports)
    labels: dict[str, Sequence[object]] = {
        "connection": tariffs.name,
        "congestion_point": [(*case.points, "")[point] for point in tariffs.point.tolist()],
    }
    values = {
        "power_kw": power,
        "unmanaged_kw": connection_costs.drawn_kw(case, unmanaged_programs(case)) if len(tariffs.name) else power,
        "import_eur_per_mwh": imports,
        "export_eur_per_mwh": exports,
        "tariff_eur": -power * price * case.isp_hours / 1000,
    }
    return grid(step, labels, values)


def customers(step: Step, known: TableContext) -> Frame:
    """What each customer with a tariff earns (negative: pays) in the Period, and would without being steered.

    Without being steered it would have reached its peak on an earlier day of the run, and paid for it then.
    """
    case, outcome = step.solved.named.case, step.solved.outcome
    bill = connection_costs.bills(case, outcome.tariff_eur, outcome.peak_kw)
    before = _unmanaged_bills(step) if len(bill.tariff_eur) else bill
    frame = pd.DataFrame(
        {
            "connection": pd.Categorical(list(case.connection_tariffs.name)),
            "tariff_eur": bill.tariff_eur, "peak_eur": bill.peak_eur, "peak_kw": bill.peak_kw,
            "total_eur": bill.total_eur, "unmanaged_eur": before.total_eur,
            "better_eur": bill.total_eur - before.total_eur,
        },
        index=at_times([times(step.period)[0]] * len(bill.tariff_eur), step.period),
    )  # fmt: skip
    return stamped(step, frame)


def _unmanaged_bills(step: Step) -> connection_costs.Bills:
    """Return what customers would pay if nobody had steered their devices since the first day of the run."""
    case = step.solved.named.case
    alone = replace(case, connection_tariffs=case.connection_tariffs.unsteered())
    fields = connection_costs.tariff_fields(alone, unmanaged_programs(alone))
    return connection_costs.bills(alone, fields["tariff_eur"], fields["peak_kw"])
