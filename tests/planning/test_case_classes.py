"""The registries of kinds of resources and of classes of units fit each other."""

from collections import Counter

from agr.domain.kinds import KINDS
from agr.planning.case import CLASSES
from agr.scenario.scaling import CONNECTIONS_STREAM


def test_every_kind_becomes_units_of_one_class():
    converted = [conversion.kind for units in CLASSES for conversion in units.conversions]
    assert Counter(kind.table for kind in converted) == Counter(kind.table for kind in KINDS)


def test_kinds_share_no_table_name_layer_or_stream_of_random_numbers():
    for values in (
        [kind.table for kind in KINDS],
        [kind.name for kind in KINDS],
        [kind.look.layer for kind in KINDS],
        [CONNECTIONS_STREAM, *(kind.stream for kind in KINDS)],
    ):
        assert len(set(values)) == len(values)
