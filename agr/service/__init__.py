"""One process: makes the parts of the daemon, wires them to one another, starts and stops them.

daemon      the whole: endpoint, operators' page, stages; start and stop
stages      messages, plans, the market day, bids and nominations, on a store that only the leader writes to
operators   the operators' side: page, API, alerts
leader      leads, stands by, or steps down
loops       the threads that call the stages
"""

from agr.service.daemon import Service

__all__ = ["Service"]
