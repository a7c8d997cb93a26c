"""The words of the field as frozen, typed values, and all time arithmetic."""
