"""Measures the page Execution of a large portfolio: processor and clock seconds, and the size of what is sent.

    python -m benchmarks.execution_page [--resources 100000] [--isps 4]

Every resource is alone at a congestion point and was measured in the first ISPs of the day.
"""

import argparse
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from agr.domain.execution import DeviationCause, Execution, Verdict
from agr.domain.isp import JumpingClock
from agr.service import Service
from agr.settings import Settings
from agr.store import executions
from agr.uftp.signing import KeyPair
from agr.web.application import operators_app
from agr.web.serving import WebServer
from benchmarks.operators_page import PERIOD, fill


def judge(daemon: Service, resources: int, isps: int) -> None:
    """Store verdicts of the first ISPs of every resource."""
    off = np.random.default_rng(2).normal(0, 2, (resources, isps))
    starts = PERIOD.starts()[:isps]
    for begin in range(0, resources, 5000):
        with daemon.store.transaction() as tx:
            executions.put(tx, [
                Execution(
                    resource=f"load {i}", start=start, planned_kwh=20.0, measured_kwh=20.0 + float(off[i, t]),
                    quality="measured", verdict=Verdict.EXECUTED if abs(off[i, t]) < 1 else Verdict.DEVIATED,
                    cause=DeviationCause.UNKNOWN, plan=1,
                )
                for i in range(begin, min(begin + 5000, resources)) for t, start in enumerate(starts)
            ])  # fmt: skip


def main() -> None:
    """Print a line per request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=100_000)
    parser.add_argument("--isps", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agr-page-") as folder:
        settings = Settings(
            domain="agr.example", data_folder=Path(folder), key_file=Path(folder) / "agr.key", listen_port=0,
            store_url=f"sqlite:///{folder}/agr.db",
        )  # fmt: skip
        KeyPair.generate().save(settings.key_file)
        daemon = Service(settings, JumpingClock(PERIOD.isp_start(given.isps + 2)))
        server = WebServer("operators", operators_app(daemon.operators), "127.0.0.1", 0, "port")
        server.start()
        try:
            fill(daemon, given.resources)
            judge(daemon, given.resources, given.isps)
            daemon.authentication.set_up(
                daemon.authentication.add_account("benchmark", "anna", "operator"), "anna", "four random words"
            )
            with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=600) as client:
                client.post("/login", data={"name": "anna", "password": "four random words"})
                for path in ("", "", "&page=1000", "&q=load+99"):
                    wall, processor = time.perf_counter(), time.process_time()
                    answer = client.get(f"/execution?period={PERIOD}{path}").raise_for_status()
                    print(  # noqa: T201
                        f"| /execution{path} | {time.process_time() - processor:.2f} "
                        f"| {time.perf_counter() - wall:.2f} | {len(answer.content) / 1000:,.0f} kB |", flush=True,
                    )  # fmt: skip
        finally:
            server.stop()
            daemon.stop()


if __name__ == "__main__":
    main()
