"""What past days earned: for commands, pages and notebooks (`from agr import history`).

    days = history.read("agr.toml", "2026-03-01", "2026-03-31")
    days.table("market")          # a pandas DataFrame
    days = history.read("agr.toml", "2026-03-01", "2026-03-31", connections=True)  # reads the programs of every day
    days.table("connection")      # and "brp"
    days.report("march.html")     # one file that can be mailed

Money is EUR (or the currency in the settings), earned positive, as the plans in force have it. Planning prices, which
nobody pays, stand in a column of their own. Source: docs/reference/history.md.
"""

from agr.history.reading import History, read

__all__ = ["History", "read"]
