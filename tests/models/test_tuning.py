"""The decomposition's constants: all of them explained, and frozen."""

import ast
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from models.decomposition import master_tuning, tuning
from models.decomposition.tuning import DEFAULT

SOURCES = [ast.parse(Path(module.__file__).read_text(encoding="utf-8")) for module in (tuning, master_tuning)]
GROUPS = [
    node for source in SOURCES for node in source.body if isinstance(node, ast.ClassDef) and node.name != "Tuning"
]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_constant_is_explained_and_says_what_a_larger_value_does(group):
    for constant, text in zip(group.body[1::2], group.body[2::2], strict=True):
        assert isinstance(constant, ast.AnnAssign), ast.unparse(constant)
        assert isinstance(text, ast.Expr), f"{ast.unparse(constant.target)} has no explanation"
        words = " ".join(ast.literal_eval(text.value).split())
        grows = ". Larger: " in words
        assert grows or "only" in words or words.startswith("The same "), f"{ast.unparse(constant.target)}: {words}"


def test_tuning_is_frozen_through_and_through():
    for group in (DEFAULT, *(getattr(DEFAULT, item.name) for item in fields(DEFAULT))):
        with pytest.raises(FrozenInstanceError):
            setattr(group, fields(group)[0].name, 0)
