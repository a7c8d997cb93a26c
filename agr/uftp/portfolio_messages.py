"""The UFTP messages between aggregator and CRO: which connections are ours, and in which congestion points they lie.

Source: UFTP-agr-cro.xsd 3.1.0; message catalog, portfolio.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from agr.uftp import field_types
from agr.uftp.field_types import Result
from agr.uftp.metadata import Message, PeriodMessage, Response, XmlElement

__all__ = [
    "AGRPortfolioQuery",
    "AGRPortfolioQueryResponse",
    "AGRPortfolioUpdate",
    "AGRPortfolioUpdateResponse",
    "CongestionPointView",
    "ConnectionUpdate",
    "DsoPortfolio",
    "DsoView",
    "PointView",
]


class AGRPortfolioQuery(PeriodMessage):
    """AGR → CRO: which of our connections lie in congestion points in this Period?"""

    root: ClassVar[str] = "AGRPortfolioQuery"


class CongestionPointView(XmlElement):
    """One congestion point with our connections in it, as a CRO lists it."""

    address: field_types.Address = Field(alias="EntityAddress")
    mutex_offers: field_types.Flag = Field(alias="MutexOffersSupported")
    day_ahead_redispatch_by: field_types.Role = Field(alias="DayAheadRedispatchBy")
    intraday_redispatch_by: field_types.Role | None = Field(default=None, alias="IntradayRedispatchBy")
    connections: field_types.Addresses = Field(default=(), alias="Connection")


class DsoPortfolio(XmlElement):
    """The congestion points of one DSO."""

    dso_domain: field_types.Domain = Field(alias="DSO-Domain")
    congestion_points: tuple[CongestionPointView, ...] = Field(default=(), alias="CongestionPoint")
    connections: field_types.Addresses = Field(default=(), alias="Connection")


class DsoView(XmlElement):
    """Portfolios of DSOs, and connections in no congestion point."""

    portfolios: tuple[DsoPortfolio, ...] = Field(default=(), alias="DSO-Portfolio")
    connections: field_types.Addresses = Field(default=(), alias="Connection")


@dataclass(frozen=True, kw_only=True)
class PointView:
    """A congestion point together with its DSO."""

    dso_domain: str
    address: str
    mutex_offers: bool
    day_ahead_redispatch_by: str
    intraday_redispatch_by: str | None
    connections: tuple[str, ...]


class AGRPortfolioQueryResponse(Response):
    """CRO → AGR: our connections per congestion point. A rejection has no views and may lack TimeZone and Period."""

    root: ClassVar[str] = "AGRPortfolioQueryResponse"
    reference_attribute: ClassVar[str | None] = "AGRPortfolioQueryMessageID"

    reference: field_types.Uuid = Field(alias="AGRPortfolioQueryMessageID")
    time_zone: field_types.ZoneName | None = Field(default=None, alias="TimeZone")
    period: field_types.PeriodDay | None = Field(default=None, alias="Period")
    dso_views: tuple[DsoView, ...] = Field(default=(), alias="DSO-View")
    connections: field_types.Addresses = Field(default=(), alias="Connection")

    @model_validator(mode="after")
    def _complete_when_accepted(self) -> Self:
        if self.result is Result.REJECTED and (self.dso_views or self.connections):
            raise ValueError("a rejection has no DSO-View")
        if self.result is Result.ACCEPTED and (self.time_zone is None or self.period is None):
            raise ValueError("TimeZone and Period are required when Result is Accepted")
        return self

    @property
    def points(self) -> tuple[PointView, ...]:
        """Every congestion point of every DSO."""
        return tuple(
            PointView(
                dso_domain=portfolio.dso_domain,
                address=point.address,
                mutex_offers=point.mutex_offers,
                day_ahead_redispatch_by=point.day_ahead_redispatch_by,
                intraday_redispatch_by=point.intraday_redispatch_by,
                connections=point.connections,
            )
            for view in self.dso_views
            for portfolio in view.portfolios
            for point in portfolio.congestion_points
        )

    @property
    def free_connections(self) -> tuple[str, ...]:
        """Connections in no congestion point, once each, wherever the CRO listed them."""
        found = dict.fromkeys(self.connections)
        for view in self.dso_views:
            found.update(dict.fromkeys(view.connections))
            for portfolio in view.portfolios:
                found.update(dict.fromkeys(portfolio.connections))
        bound = {connection for point in self.points for connection in point.connections}
        return tuple(connection for connection in found if connection not in bound)


class ConnectionUpdate(XmlElement):
    """A connection that we represent from `start_period` on."""

    address: field_types.Address = Field(alias="EntityAddress")
    start_period: field_types.Day = Field(alias="StartPeriod")
    end_period: field_types.Day | None = Field(default=None, alias="EndPeriod")


class AGRPortfolioUpdate(Message):
    """AGR → CRO: the connections that we represent."""

    root: ClassVar[str] = "AGRPortfolioUpdate"

    time_zone: field_types.ZoneName = Field(alias="TimeZone")
    connections: Annotated[tuple[ConnectionUpdate, ...], Field(min_length=1)] = Field(alias="Connection")


class AGRPortfolioUpdateResponse(Response):
    """CRO → AGR: verdict on an AGRPortfolioUpdate."""

    root: ClassVar[str] = "AGRPortfolioUpdateResponse"
    reference_attribute: ClassVar[str | None] = "AGRPortfolioUpdateMessageID"

    reference: field_types.Uuid = Field(alias="AGRPortfolioUpdateMessageID")


PORTFOLIO_TYPES: tuple[type[Message], ...] = (
    AGRPortfolioQuery,
    AGRPortfolioQueryResponse,
    AGRPortfolioUpdate,
    AGRPortfolioUpdateResponse,
)
"""The messages about our connections."""
