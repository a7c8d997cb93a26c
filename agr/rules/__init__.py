"""What makes a message acceptable: one small function per rejection reason of the specification."""

from agr.rules.day import Day, Question, Reason
from agr.rules.table import join, rules_of, violations

__all__ = ["Day", "Question", "Reason", "join", "rules_of", "violations"]
