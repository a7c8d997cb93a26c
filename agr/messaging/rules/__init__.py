"""What makes a message acceptable: one small function per rejection reason of the specification."""

from agr.messaging.rules.context import Reason, RuleContext
from agr.messaging.rules.table import join, rules_of, violations
from agr.uftp.open_request import OpenRequest

__all__ = ["OpenRequest", "Reason", "RuleContext", "join", "rules_of", "violations"]
