"""A typed client of the JSON API, for the AGR's own programs: `from agr.client import Client`."""

from agr.client.generated import Client, Refused

__all__ = ["Client", "Refused"]
