"""Curtailable generation: forecast <= p <= 0, what is curtailed has a price.

Source: docs/reference/formulation.md §2.2.
"""

from models.resources.curtailable.block import CurtailableBlock, add_curtailable, called_cells
from models.resources.curtailable.response import CurtailableResponder

__all__ = ["CurtailableBlock", "CurtailableResponder", "add_curtailable", "called_cells"]
