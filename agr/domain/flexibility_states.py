"""Where requests for flexibility, offers and orders stand, and which state may follow which."""

from enum import Enum


class RequestState(Enum):
    """Where a FlexRequest stands."""

    ACCEPTED = "accepted"
    SUPERSEDED = "superseded"  # by a newer revision
    EXPIRED = "expired"


class OfferState(Enum):
    """Where a FlexOffer stands. Its capacity is bound from PRICED until it is free or ordered."""

    PRICED = "priced"  # waits for an operator
    DISCARDED = "discarded"  # never sent: an operator does not want it, or its time has passed
    QUEUED = "queued"
    OPEN = "open"  # the DSO has accepted the message
    REFUSED = "refused"
    REVOKING = "revoking"
    REVOKED = "revoked"  # also when a revocation is not answered until the offer expires
    EXPIRED = "expired"
    ORDERED = "ordered"


class OrderState(Enum):
    """Where a FlexOrder stands."""

    ACCEPTED = "accepted"
    PLANNED = "planned"  # a plan in force keeps it
    ANNOUNCED = "announced"  # a D-Prognosis with it is on its way
    VALIDATED = "validated"  # the DSO confirms it by a FlexOrderStatus
    DELIVERED = "delivered"  # its Period is over
    SETTLED = "settled"
    DISPUTED = "disputed"


REQUEST_MOVES: dict[RequestState, frozenset[RequestState]] = {
    RequestState.ACCEPTED: frozenset({RequestState.SUPERSEDED, RequestState.EXPIRED}),
    RequestState.SUPERSEDED: frozenset(),
    RequestState.EXPIRED: frozenset(),
}
OFFER_MOVES: dict[OfferState, frozenset[OfferState]] = {
    OfferState.PRICED: frozenset({OfferState.DISCARDED, OfferState.QUEUED}),
    OfferState.DISCARDED: frozenset(),
    OfferState.QUEUED: frozenset({OfferState.OPEN, OfferState.REFUSED, OfferState.EXPIRED, OfferState.ORDERED}),
    OfferState.OPEN: frozenset({OfferState.REVOKING, OfferState.EXPIRED, OfferState.ORDERED}),
    OfferState.REFUSED: frozenset(),
    OfferState.REVOKING: frozenset({OfferState.REVOKED}),
    OfferState.REVOKED: frozenset(),
    OfferState.EXPIRED: frozenset({OfferState.ORDERED}),  # an order from before, received within `hold_s`
    OfferState.ORDERED: frozenset(),
}
ORDER_MOVES: dict[OrderState, frozenset[OrderState]] = {
    # A DSO's word may come before we have looked whether plan and prognosis keep the order.
    OrderState.ACCEPTED: frozenset({OrderState.PLANNED, OrderState.VALIDATED, OrderState.DELIVERED}),
    OrderState.PLANNED: frozenset({OrderState.ANNOUNCED, OrderState.VALIDATED, OrderState.DELIVERED}),
    OrderState.ANNOUNCED: frozenset({OrderState.VALIDATED, OrderState.DELIVERED}),
    OrderState.VALIDATED: frozenset({OrderState.DELIVERED}),
    OrderState.DELIVERED: frozenset({OrderState.SETTLED, OrderState.DISPUTED}),
    OrderState.SETTLED: frozenset(),
    OrderState.DISPUTED: frozenset({OrderState.SETTLED}),
}
"""State → the states that may follow it."""

LIVE_OFFERS = frozenset({OfferState.PRICED, OfferState.QUEUED, OfferState.OPEN, OfferState.REVOKING})
"""States of offers whose capacity is bound. That of an expired offer stays bound for another `hold_s`."""


def may_follow(before: RequestState | OfferState | OrderState, after: RequestState | OfferState | OrderState) -> bool:
    """Say whether a state may follow another one of its kind."""
    if isinstance(before, RequestState):
        return after in REQUEST_MOVES[before]
    if isinstance(before, OfferState):
        return after in OFFER_MOVES[before]
    return after in ORDER_MOVES[before]
