"""Measures what it takes to price offers of flexibility in a large portfolio: from the request to the quote.

`python -m benchmarks.offers 10000,100000 20`: sizes, and how many requests of different congestion points are priced.
The plan is made first, and is in memory as in a running daemon, where a worker of the solver pool does the same.
"""

import json
import statistics
import sys
from datetime import date, datetime
from time import perf_counter, process_time
from typing import Any

import numpy as np

from agr.domain.flexibility import Disposition, FlexRequest, NoOffer, RequestedIsp
from agr.domain.isp import Period
from agr.planning.case import NamedCase
from agr.planning.difference import Solved
from agr.planning.ledger import DepthTaken
from agr.settings import Planning, Trading
from agr.trading.quoting import Baseline, question_of, quote_of
from benchmarks.instances import make_case
from models.flexibility.pricing import price
from models.method import Method, solve
from models.part import HeldByAll

PERIOD = Period(date(2026, 3, 30))  # 96 ISPs
_REQUESTED = range(69, 81)  # 17:00 to 20:00
_LEAST_W, _ROOM_W = -50_000, 500_000


def measured(resources: int, requests: int) -> dict[str, Any]:
    """Return the seconds of pricing, per request and for all of them."""
    case = make_case(resources)
    began = perf_counter()
    outcome = solve(case, method=Method.DECOMPOSITION, relative_gap=1e-3, time_limit_s=600.0)
    planned_s = perf_counter() - began
    solved = Solved(
        named=NamedCase(case=case, notes=(), dsos=("dso.example",) * len(case.points), names={}), outcome=outcome
    )  # fmt: skip
    held = HeldByAll.of(case, outcome)  # once per plan, as the daemon does
    at = np.linspace(0, len(case.points) - 1, requests).astype(int).tolist()
    seconds, cpu, asks, refused = list[float](), list[float](), list[float](), list[str]()
    nothing = np.zeros(case.isps)
    for number, point in enumerate([at[0], *at]):  # the first one imports and compiles
        began, used = perf_counter(), process_time()
        request = _request(case.points[point])
        baseline = Baseline(
            power_w=tuple(np.rint(1000 * outcome.point_kw[point]).astype(int).tolist()), message_id=None
        )
        question = question_of(
            solved, request, baseline, DepthTaken(buy_kw=nothing, sell_kw=nothing), trading=Trading(),
            planning=Planning(threads=1), held=held,
        )  # fmt: skip
        quote = question if isinstance(question, NoOffer) else quote_of(
            price(question), request, baseline, 1, Trading()
        )  # fmt: skip
        if number == 0:
            continue
        seconds.append(perf_counter() - began)
        cpu.append(process_time() - used)
        if isinstance(quote, NoOffer):
            refused.append(quote.reason)
        else:
            asks.append(float(quote.options[0].price))
    return {
        "resources": resources,
        "planned_s": round(planned_s, 1),
        "requests": requests,
        "median_s": round(statistics.median(seconds), 3),
        "median_cpu_s": round(statistics.median(cpu), 3),
        "slowest_cpu_s": round(max(cpu), 3),
        "slowest_s": round(max(seconds), 3),
        "all_s": round(sum(seconds), 1),
        "offered": len(asks),
        "median_ask_eur": round(statistics.median(asks), 2) if asks else None,
        "refused": sorted(set(refused)),
    }


def _request(address: str) -> FlexRequest:
    isps = tuple(
        RequestedIsp(isp=t, disposition=Disposition.REQUESTED, min_w=_LEAST_W, max_w=0)
        if t in _REQUESTED
        else RequestedIsp(isp=t, disposition=Disposition.AVAILABLE, min_w=-_ROOM_W, max_w=_ROOM_W)
        for t in range(1, PERIOD.isp_count + 1)
    )
    now: datetime = PERIOD.start
    return FlexRequest(
        message_id="benchmark", conversation_id="benchmark", dso="dso.example", congestion_point=address, period=PERIOD,
        revision=1, expires_at=now, received_at=now, isps=isps,
    )  # fmt: skip


def main(sizes: str = "10000,100000", requests: str = "20") -> None:
    """Print one JSON object a line."""
    for size in sizes.split(","):
        sys.stdout.write(json.dumps(measured(int(size), int(requests))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
