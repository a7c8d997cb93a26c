"""Storage: batteries, EV sessions, heat buffers. Source: docs/reference/formulation.md §2.3.

e[t] = a·e[t−1] + Δ·ηc·pc[t] − Δ/ηd·pd[t] − d[t] + unmet[t] − excess[t],  e_min <= e <= e_max,  p = pc − pd.
"""

from models.resources.storage.block import StorageBlock, add_storage
from models.resources.storage.response import StorageAnswers, StorageResponder

__all__ = ["StorageAnswers", "StorageBlock", "StorageResponder", "add_storage"]
