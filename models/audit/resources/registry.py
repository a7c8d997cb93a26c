"""The audits of resource classes, found by the names of the classes: each class has a module here with its AUDIT."""

from models.audit.protocols import ClassAudit
from models.case import UNIT_CLASSES
from models.registered import registered

CLASSES: tuple[ClassAudit, ...] = registered(UNIT_CLASSES, "models.audit.resources.{name}", "AUDIT", ClassAudit)
