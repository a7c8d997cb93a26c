"""The audit log as a CSV file, oldest line first, for an auditor or another system."""

import csv
import io
from collections.abc import Iterator
from datetime import tzinfo

from agr.domain.foreign_text import not_a_formula
from agr.store import audit_log
from agr.store.audit_log import Chosen
from agr.store.engine import Store

_HEADER = ("id", "at", "who", "action", "subject", "why", "detail")
_AT_ONCE = 1000


def log_lines(store: Store, chosen: Chosen, zone: tzinfo) -> Iterator[str]:
    """Yield the text of the file in parts, each read in a transaction of its own, so that nobody waits for a reader."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    last = 0
    while True:
        with store.transaction() as tx:
            lines = audit_log.entries(tx, limit=_AT_ONCE, after=last, chosen=chosen)
        for line in lines:
            at = line.at.astimezone(zone).isoformat()
            texts = (line.who, line.action, line.subject, line.why, line.detail)
            writer.writerow((line.id, at, *map(not_a_formula, texts)))
        yield text.getvalue()
        if len(lines) < _AT_ONCE:
            return
        last = lines[-1].id
        text.seek(0)
        text.truncate()
