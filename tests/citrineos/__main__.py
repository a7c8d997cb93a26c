"""Runs the adapter's acceptance against a CitrineOS that somebody has started: `make citrineos URL=… STATION=…`."""

import argparse
import sys

from agr.domain.charge_point import ChargePoint
from agr.settings import DispatchRoad
from tests.citrineos.acceptance import run, trial


def main() -> None:
    """Print each step; exit with 1 if one does not hold."""
    parser = argparse.ArgumentParser(prog="make citrineos", description=__doc__)
    parser.add_argument("--url", required=True, help="its REST interface, e.g. http://127.0.0.1:8080")
    parser.add_argument("--station", required=True, help="a connected station that nobody needs meanwhile")
    parser.add_argument("--api", default="1.8", choices=["1.8", "2.0"])
    parser.add_argument("--protocol", default="2.0.1", choices=["1.6", "2.0.1"])
    parser.add_argument("--evse", type=int, default=1)
    parser.add_argument("--unit", default="A", choices=["A", "W"])
    parser.add_argument("--tenant", type=int, default=1)
    parser.add_argument("--token-env", help="environment variable with the bearer token")
    parser.add_argument("--host", default="127.0.0.1", help="address on which callbacks are taken")
    parser.add_argument("--reached-at", default="", help="where CitrineOS reaches that, if it differs")
    given = parser.parse_args()
    road = DispatchRoad(
        name="trial", url=given.url, api=given.api, tenant=given.tenant, token_env=given.token_env or None
    )  # fmt: skip
    point = ChargePoint(
        charge_point="trial", connection="", road="trial", station=given.station, evse=given.evse,
        protocol=given.protocol, unit=given.unit, max_kw=11.0,
    )  # fmt: skip
    failed = 0

    def say(holds: bool, words: str) -> None:
        nonlocal failed
        failed += not holds
        sys.stdout.write(f"{'ok    ' if holds else 'FAILED'} {words}\n")
        sys.stdout.flush()

    with trial(road, point, host=given.host, reached_at=given.reached_at) as one:
        run(one, say)
    sys.stdout.write("all steps hold\n" if not failed else f"{failed} steps do not hold\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
