"""The road to charge points through CitrineOS, an OCPP back-end. Source: its REST interface, versions 1.8 and 2.0.

requests    commands as REST requests
replies     what CitrineOS answers, and what stations answer through it
news        what it reports of stations by itself
road        the whole, over HTTP

It was driven on 1.8.3; what differs in 2.0 is from its source and was not run. How to: docs/how-to/carry-plans-out.md.
"""

from agr.connectors.citrineos.road import CitrineRoad, open_road

__all__ = ["CitrineRoad", "open_road"]
