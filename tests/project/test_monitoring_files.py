"""The alert rules and the dashboard in deploy/ ask only for metrics, labels and alarms that there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agr.domain.isp import JumpingClock
from agr.operations.metrics import Metrics
from agr.settings import Settings
from agr.store import day, outbox, plans
from agr.store.plans import Sent
from tests.builders.stores import migrated
from tests.builders.worlds import NOW, PERIOD, POINT

PROJECT = Path(__file__).parents[2]
RULES = PROJECT / "deploy" / "prometheus-alerts.yaml"
DASHBOARD = PROJECT / "deploy" / "grafana-dashboard.json"
OF_PROMETHEUS = {"up"}
FUNCTIONS = {
    "sum", "by", "min_over_time", "max_over_time", "delta", "rate", "increase", "changes", "abs", "histogram_quantile",
    "vector", "or", "and",
}  # fmt: skip
SELECTED = re.compile(r"(agr_\w+)\{([^}]*)\}")


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for rule in rules():
        yield str(rule["expr"])
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return metric → its labels, of a daemon in which everything that is counted has happened."""
    store = migrated(f"sqlite:///{tmp_path_factory.mktemp('metrics') / 'agr.db'}")
    clock = JumpingClock(NOW)
    metrics = Metrics(store, Settings(domain="agr.example"), clock)
    with store.transaction() as tx:
        day.raise_alarm(tx, "feed failed", "weather", "no answer", NOW)
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="D-Prognosis", recipient_domain="dso.example",
            recipient_role="DSO", xml=b"<x/>", at=NOW, period=PERIOD.day, subject=POINT,
        )  # fmt: skip
        sent = Sent(
            congestion_point=POINT, dso="dso.example", revision=1, plan=1, message_id="m", power_w=(0,) * 92, at=NOW,
            state="sent", reason=None,
        )  # fmt: skip
        plans.put_prognosis(tx, PERIOD.day, sent)
    events: tuple[dict[str, Any], ...] = (
        {"event": "message.received", "type": "D-Prognosis"}, {"event": "message.refused", "status": 400},
        {"event": "message.processed", "type": "D-Prognosis", "verdict": "accepted"},
        *({"event": f"message.{what}", "type": "D-Prognosis"} for what in ("delivered", "retry", "failed")),
        {"event": "action.done", "action": "hold"}, {"event": "plan.failed"},
        {"event": "plan.ready", "state": "audited", "seconds": 1.0, "gap_eur": 1.0, "objective_eur": 1.0,
         "flexibility_eur": 1.0, "imbalance_mwh": 0.0, "reservation_shortfall_kwh": 0.0},
    )  # fmt: skip
    for event in events:
        metrics.event(event)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    store.close()
    return found


def test_every_metric_and_label_that_is_asked_for_exists(samples: dict[str, set[str]]) -> None:
    asked = list(expressions())
    assert len(asked) > 25
    for expression in asked:
        names = set(re.findall(r"\bagr_\w+", expression))
        assert names or set(re.findall(r"\b\w+(?=\{)", expression)) <= OF_PROMETHEUS, expression
        assert names <= samples.keys(), expression
        for name, selectors in SELECTED.findall(expression):
            assert set(re.findall(r"(\w+)=~?\"", selectors)) <= samples[name], expression
        grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
        assert grouped <= set().union(*(samples[name] for name in names)), expression


def test_every_metric_there_is_is_on_the_dashboard_or_in_a_rule_and_documented(samples: dict[str, set[str]]) -> None:
    asked = set(re.findall(r"\bagr_\w+", " ".join(expressions())))
    counted = {name for name in samples if not name.endswith(("_created", "_sum", "_count"))}
    assert counted == asked
    text = (PROJECT / "docs" / "reference" / "monitoring.md").read_text()
    assert [name for name in counted if f"`{name.removesuffix('_bucket')}`" not in text] == []


def test_labels_that_rules_name_are_those_that_events_have(samples: dict[str, set[str]]) -> None:
    alarms = (PROJECT / "docs" / "reference" / "alarms.md").read_text()
    named = re.findall(r'kind=~"([^"]+)"', RULES.read_text())
    assert named
    assert [kind for kinds in named for kind in kinds.split("|") if f"`{kind}`" not in alarms] == []
    outcomes = set(re.findall(r'agr_deliveries_total\{outcome="(\w+)"', RULES.read_text()))
    assert outcomes <= {"delivered", "retry", "failed"}


def test_rules_say_what_to_do_and_use_labels_they_keep() -> None:
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")  # type: ignore[index]
        notes: dict[str, str] = rule["annotations"]  # type: ignore[assignment]
        assert set(notes) == {"summary", "description"}
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(notes.values())))
        kept = {label for labels in re.findall(r"by \(([^)]*)\)", str(rule["expr"])) for label in labels.split(", ")}
        if "by (" in str(rule["expr"]):
            assert used <= kept, rule["alert"]


def test_the_dashboard_s_panels_do_not_overlap_and_differ() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_what_rules_watch_is_there_before_it_first_happens(tmp_path: Path) -> None:
    """Prometheus sees no increase in a counter whose first sample is 1."""
    store = migrated(f"sqlite:///{tmp_path / 'agr.db'}")
    fresh = Metrics(store, Settings(domain="agr.example"), JumpingClock(NOW)).text().decode()
    store.close()
    there = {(s.name, *sorted(s.labels.items())) for f in text_string_to_metric_families(fresh) for s in f.samples}
    selected = re.compile(r"increase\((agr_\w+)\{(\w+=\"\w+\")\}")
    watched = [found for rule in rules() for found in selected.findall(str(rule["expr"]))]
    assert len(watched) == 2
    for name, selector in watched:
        label, value = selector.replace('"', "").split("=")
        assert [one for one in there if one[0] == name and (label, value) in one[1:]], name
    assert ("agr_deliveries_total", ("outcome", "failed"), ("type", "D-Prognosis")) in there
    assert ("agr_deliveries_total", ("outcome", "failed"), ("type", "AGRPortfolioQuery")) in there
