"""The market day: its moments, and the scheduler that wakes the stages."""
