"""Runs one target under atheris: PYTHONPATH with atheris in it, python -m tests.fuzz.campaign TARGET RUNS FOLDER.

libFuzzer mutates the inputs that the tests replay and those it found earlier; its corpus stays in FOLDER/corpus-TARGET,
findings in FOLDER. A line of figures is added to FOLDER/ledger.jsonl: executions, seconds, resident memory at a tenth
of the runs and at the end.
"""

import sys
import time
from pathlib import Path

import atheris

# Not the queries: atheris never lets go of what a traced comparison gives, and there that is an SQL expression.
QUERIES = [f"agr.store.{path.stem}" for path in (Path(__file__).parents[2] / "agr" / "store").glob("*.py")]
with atheris.instrument_imports(include=["agr"], exclude=QUERIES, enable_loader_override=False):
    from agr.operations import log
    from tests.builders.campaign_ledger import Ledger
    from tests.fuzz.targets import TARGETS, seeds

TOKENS = """
SignedMessage SenderDomain SenderRole Body DSO CRO AGR dso.example agr.example Version 3.1.0 TimeStamp MessageID
ConversationID Period CongestionPoint ContractID Reference ISP-Duration PT15M TimeZone Europe/Amsterdam ISP Power
Start Duration FlexReservationUpdate TestMessage AGRPortfolioQueryResponse DSO-View DSO-Portfolio Connection
EntityAddress Result Accepted Rejected D-PrognosisResponse FlexOrderStatus <!DOCTYPE <!ENTITY ]]> <![CDATA[ &#0;
&amp; <?xml encoding= content-length content-type content-encoding transfer-encoding chunked gzip charset
""".split()  # noqa: SIM905 - easier to read than a list


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / 1e6, 1)


def main() -> None:
    """Run the target; exit with 1 on a finding."""
    log.configure(quiet=True)
    name, runs, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    corpus = folder / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    kept = Path(__file__).parent / "corpus" / name
    words = folder / "tokens.dict"
    words.write_text("".join(f'"{token}"\n' for token in TOKENS))
    target, done, began, early = TARGETS[name], 0, time.monotonic(), 0.0

    def once(data: bytes) -> None:
        nonlocal done, early
        done += 1
        if done == max(runs // 10, 1):
            early = _resident_mb()
        if done == runs:
            target(data)
            Ledger(folder / "ledger.jsonl").add(
                target=name, executions=done, seconds=round(time.monotonic() - began, 1), resident_mb_early=early,
                resident_mb_end=_resident_mb(),
            )  # fmt: skip
            return
        target(data)

    atheris.Setup(
        [sys.argv[0], str(corpus), str(kept), f"-runs={runs}", "-max_len=4096", "-timeout=60", "-rss_limit_mb=4096",
         f"-dict={words}", f"-artifact_prefix={folder}/finding-{name}-", "-print_final_stats=1", "-verbosity=1"],
        once,
    )  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    main()
