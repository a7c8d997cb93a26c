"""Tables for tests, and how tests read what is wrong with them."""

from datetime import date

import pytest

from agr.domain.errors import TableError
from agr.domain.isp import Period

EAN = "ean.871685900012636543"
CONNECTIONS = f"address,first_day,last_day\n{EAN},2026-01-01,\nea1.2020-01.org.example:c2,2026-01-01,2026-12-31\n"
BATTERIES = "resource,connection,charge_kw,discharge_kw,capacity_kwh,initial_kwh,end_kwh\n"
SESSIONS = "resource,connection,arrival,departure,energy_kwh,charge_kw\n"
CONTRACTS = (
    "contract,dso,congestion_point,first_day,last_day,window_start,window_end,power_w,"
    "availability_eur_per_mw_h,penalty_eur_per_mwh\n"
)
LIMITS = "congestion_point,first_day,last_day,window_start,window_end,import_kw,export_kw,penalty_eur_per_mwh\n"
MEMBERS = "congestion_point,dso,connection,first_day,last_day\n"
POINT = "ea1.2020-01.org.example:p1"
GENERATORS = f"resource,connection\npv-1,{EAN}\n"
RUNS = "resource,connection,earliest_start,latest_end,profile_kw\n"
LOADS = "resource,connection,power_kw,needs,initial_minutes\n"
PUMPS = f"resource,connection,power_kw,buffer_kwh,initial_kwh\nhp-1,{EAN},3,10,5\n"


def faults(folder, **files):
    with pytest.raises(TableError) as caught:
        folder(**files)
    return caught.value.faults


def quarters(
    resource="pv-1", quantity="power_kw", day=date(2026, 6, 1), value=-1.0, skip=(), zone_name="Europe/Amsterdam"
):
    starts = Period(day, zone_name).starts()
    return [f"{resource},{quantity},{s.isoformat()},{value}" for i, s in enumerate(starts, start=1) if i not in skip]


def forecast_table(*rows):
    return "resource,quantity,start,value\n" + "\n".join(rows) + "\n"
