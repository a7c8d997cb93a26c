"""The worth of what a store holds at the end of a Period, for those who state cases. Compiled."""

from models.resources.storage.afterwards import Afterwards, worth_afterwards

__all__ = ["Afterwards", "worth_afterwards"]
