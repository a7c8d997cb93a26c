"""Metrics for Prometheus: counted from the log's events as they happen; gauges are read from the store."""

import time
from collections.abc import Iterable
from math import inf
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agr.domain.execution import Verdict
from agr.domain.isp import Clock, period_of
from agr.operations.log import Event
from agr.settings import Settings
from agr.store import change_counters, day, executions, outbox_rows, plans
from agr.store.engine import Store
from agr.uftp.messages import TYPES

_OUTCOMES = ("delivered", "retry", "failed")
_SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)


class _Depths(Collector):
    """Queues, open alarms and states of prognoses at the moment of the scrape."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock

    def collect(self) -> Iterable[Metric]:
        """Read the store once."""
        today = period_of(self._clock.now(), self._settings.time_zone, self._settings.isp_minutes)
        with self._store.transaction() as tx:
            waiting = change_counters.depths(tx)
            alarms = day.open_alarms(tx)
            messages = outbox_rows.counts(tx)
            verdicts = executions.counts(tx, today.start, today.end)
            prognoses = {
                name: plans.prognosis_counts(tx, period.day)
                for name, period in (("today", today), ("tomorrow", today.next()))
            }
        queue = GaugeMetricFamily("agr_queue_depth", "Rows that wait, by queue.", labels=["queue"])
        for name, count in (waiting | {"outbox": messages["queued"]}).items():
            queue.add_metric([name], count)
        yield queue
        failed = GaugeMetricFamily("agr_outbox_failed", "Messages that were given up and are still kept.")
        failed.add_metric([], messages["failed"])
        yield failed
        opened = GaugeMetricFamily("agr_alarms_open", "Open alarms by kind.", labels=["kind", "acknowledged"])
        counted: dict[tuple[str, str], int] = {}
        for alarm in alarms:
            key = (alarm.kind, "yes" if alarm.acknowledged_at else "no")
            counted[key] = counted.get(key, 0) + 1
        for labels, count in counted.items():
            opened.add_metric(list(labels), count)
        yield opened
        sent = GaugeMetricFamily("agr_prognoses", "D-Prognosis revisions by Period and state.", labels=["day", "state"])
        for name, states in prognoses.items():
            for state, (count, _) in states.items():
                sent.add_metric([name, state], count)
        yield sent
        judged = GaugeMetricFamily("agr_execution_isps", "ISPs of resources today, by verdict.", labels=["verdict"])
        for verdict in Verdict:
            judged.add_metric([verdict.value], verdicts.get(verdict.value, 0))
        yield judged


class Metrics:
    """One daemon's registry. `event` gets every event of the log."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Depths(store, settings, clock))
        named: Any = {"registry": self._registry}
        self._received = Counter("agr_messages_received", "Messages received, by type.", ["type"], **named)
        self._judged = Counter("agr_messages_processed", "Messages processed.", ["type", "verdict"], **named)
        self._refused = Counter("agr_messages_refused", "Bodies refused before storing.", ["status"], **named)
        self._sent = Counter("agr_deliveries", "Attempts to deliver.", ["type", "outcome"], **named)
        self._runs = Counter("agr_runs", "Optimisation runs.", ["outcome"], **named)
        self._seconds = Histogram("agr_run_seconds", "Seconds of the mathematics.", buckets=_SECONDS, **named)
        self._gap = Gauge("agr_plan_gap", "Proven gap of the newest plan, in the market's currency.", **named)
        self._value = Gauge("agr_plan_value", "Value of the newest plan, in the market's currency.", **named)
        self._flexibility = Gauge("agr_plan_flexibility_value", "Value of flexibility in the newest plan.", **named)
        self._coverage = Gauge("agr_reservation_shortfall_kwh", "Reserved energy not deliverable.", **named)
        self._imbalance = Gauge("agr_imbalance_mwh", "Imbalance that the newest plan leaves.", **named)
        self._done = Counter("agr_actions", "What operators did.", ["action"], **named)
        self._dispatched = Counter(
            "agr_dispatches", "Commands to charge points, by what came of them.", ["state"], **named
        )
        for state in ("sent", "accepted", "rejected", "unknown"):
            self._dispatched.labels(state)
        for kind in TYPES:  # rules see no increase where a series begins at 1
            for outcome in _OUTCOMES:
                self._sent.labels(kind, outcome)
        for outcome in ("audited", "failed"):
            self._runs.labels(outcome)
        started = Gauge("agr_start_time_seconds", "When the daemon started, seconds since 1970.", **named)
        started.set(time.time())

    def event(self, event: Event) -> None:
        """Count an event; events without a metric are ignored."""
        name = event.get("event")
        if name == "message.received":
            self._received.labels(event["type"]).inc()
        elif name == "message.processed":
            self._judged.labels(event["type"], event["verdict"]).inc()
        elif name == "message.refused":
            self._refused.labels(str(event["status"])).inc()
        elif name in ("message.delivered", "message.retry", "message.failed"):
            self._sent.labels(event["type"], name.removeprefix("message.")).inc()
        elif name == "dispatch.sent":
            self._dispatched.labels("sent").inc()
        elif name == "dispatch.unknown":
            self._dispatched.labels("unknown").inc()
        elif name == "dispatch.answered":
            self._dispatched.labels(str(event["state"])).inc()
        elif name == "action.done":
            self._done.labels(event["action"]).inc()
        elif name in ("plan.failed", "plan.broke"):
            self._runs.labels("failed").inc()
        elif name == "plan.ready":
            self._plan(event)

    def _plan(self, event: Event) -> None:
        self._runs.labels(event["state"]).inc()
        self._seconds.observe(event["seconds"])
        if event["state"] != "audited":
            return
        self._gap.set(inf if event["gap_eur"] is None else event["gap_eur"])
        self._value.set(event["objective_eur"])
        self._flexibility.set(event["flexibility_eur"])
        self._coverage.set(event["reservation_shortfall_kwh"])
        self._imbalance.set(event["imbalance_mwh"])

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
