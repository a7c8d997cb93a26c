"""Where the processes of a test run keep answers of solvers for one another."""

SHARED = "TESTS_SHARED_ANSWERS"
"""Environment variable: the folder; processes that a test starts may use it, too."""
