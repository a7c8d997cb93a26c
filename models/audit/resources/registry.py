"""The audits of resource classes: the one place where they are registered."""

from models.audit.protocols import ClassAudit
from models.audit.resources import curtailable, fixed, shiftable, storage, switched

CLASSES: tuple[ClassAudit, ...] = (fixed.AUDIT, curtailable.AUDIT, storage.AUDIT, shiftable.AUDIT, switched.AUDIT)
