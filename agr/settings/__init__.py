"""What the user configures: a TOML file and AGR_ environment variables, checked once, then frozen."""

from agr.settings.bids import BidChannel, BidFiles, Bids, BidWebhook
from agr.settings.brps import Brp
from agr.settings.compute import Compute
from agr.settings.daemon import Planning, ProgramFiles, Readings, Retention, Settings
from agr.settings.discovery import Discovery
from agr.settings.dispatch import DispatchRoad, DispatchSettings
from agr.settings.execution import ExecutionSettings
from agr.settings.feeds import (
    EntsoeFeed,
    EntsoeImbalanceFeed,
    Feed,
    FeedSection,
    HttpFeed,
    OutlookFeed,
    RecordFeed,
    WeatherFeed,
)
from agr.settings.gopacs import Gopacs
from agr.settings.loading import load, template, write_example
from agr.settings.markets import CapacityProduct, DayAhead, Imbalance, Intraday, Markets
from agr.settings.messages import Delivery, MessageLimits, Publication
from agr.settings.operators import Alarms, Email, Operators, Webhook
from agr.settings.partners import ParticipantSettings
from agr.settings.rolling import Rolling
from agr.settings.section import MarketTime
from agr.settings.security import ClientCertificate, ClientCredentials, Tls
from agr.settings.setpoints import SetpointSettings, SetpointWebhook
from agr.settings.timetable import Timetable
from agr.settings.trading import Trading

__all__ = [
    "Alarms",
    "BidChannel",
    "BidFiles",
    "BidWebhook",
    "Bids",
    "Brp",
    "CapacityProduct",
    "ClientCertificate",
    "ClientCredentials",
    "Compute",
    "DayAhead",
    "Delivery",
    "Discovery",
    "DispatchRoad",
    "DispatchSettings",
    "Email",
    "EntsoeFeed",
    "EntsoeImbalanceFeed",
    "ExecutionSettings",
    "Feed",
    "FeedSection",
    "Gopacs",
    "HttpFeed",
    "Imbalance",
    "Intraday",
    "MarketTime",
    "Markets",
    "MessageLimits",
    "Operators",
    "OutlookFeed",
    "ParticipantSettings",
    "Planning",
    "ProgramFiles",
    "Publication",
    "Readings",
    "RecordFeed",
    "Retention",
    "Rolling",
    "SetpointSettings",
    "SetpointWebhook",
    "Settings",
    "Timetable",
    "Tls",
    "Trading",
    "WeatherFeed",
    "Webhook",
    "load",
    "template",
    "write_example",
]
