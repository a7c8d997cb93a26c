"""Tries what a configuration names: its feeds, the price series that planning needs, public keys, endpoints."""

import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

from agr.domain.errors import AgrError, FeedError
from agr.domain.faults import meant
from agr.domain.isp import Period, SystemClock, period_of
from agr.domain.plausibility import doubts
from agr.domain.register import Price, Register
from agr.messaging.directory import participants_of
from agr.operations.commands import open_store
from agr.settings import EntsoeImbalanceFeed, FeedSection, OutlookFeed, RecordFeed, Settings
from agr.settings.feeds import placeholders
from agr.settings.oidc import Oidc
from agr.store import register_summary
from agr.uftp.participants import Participant
from agr.uftp.signing import public_key_bytes

PATIENCE_S = 10.0
"""Seconds to wait for one answer."""
_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Found:
    """What trying showed: what does not work, and what is doubtful."""

    faults: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def tried(settings: Settings) -> Found:
    """Ask every feed once for today, every endpoint, webhook and identity provider; say what does not work.

    Nothing is stored or sent.
    """
    period = period_of(SystemClock().now(), settings.time_zone, settings.isp_minutes)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        fed = list(threads.map(lambda feed: _asked(feed, period, settings), settings.feeds))
        reached = list(threads.map(lambda p: _reached(p, settings), _reachable(settings)))
        reached += threads.map(lambda place: _heard(place[0], place[1], settings), _posted_to(settings))
        reached += threads.map(_provider, [settings.operators.oidc] if settings.operators.oidc else [])
    known = {price.series for one in fed for price in one.prices}
    faults = [fault for one in fed for fault in one.faults]
    faults += _undelivered(settings, known, failed=bool(faults))
    faults += [fault for p in settings.participants for fault in _wrong_keys(p.domain, p.role, p.public_keys)]
    doubtful = [doubt for one in fed for doubt in one.doubts] + [words for words in reached if words]
    doubtful += _open_to_others(settings)
    if settings.dispatch.roads:
        from agr.operations.dispatching.trial import try_roads  # connectors are slow to import

        roads = try_roads(settings)
        faults, doubtful = faults + roads.faults, doubtful + roads.doubts
    return Found(faults=tuple(faults), doubts=tuple(doubtful))


@dataclass(frozen=True, kw_only=True)
class _Fed:
    """What a feed gave."""

    prices: tuple[Price, ...] = ()
    faults: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def _asked(feed: FeedSection, period: Period, settings: Settings) -> _Fed:
    from agr.connectors.ports import open_source  # connectors are slow to import, and not every market has feeds

    timeless = tuple(_timeless(feed)) if isinstance(feed, RecordFeed) else ()
    changed: dict[str, object] = {"timeout_s": PATIENCE_S, "attempts": 1}
    quick = feed.model_copy(update={name: value for name, value in changed.items() if hasattr(feed, name)})
    try:
        series = open_source(quick, settings.tls.authorities_file).fetch(period)
    except FeedError as error:
        return _Fed(faults=(str(error),), doubts=timeless)
    later = isinstance(feed, EntsoeImbalanceFeed)  # what it gives is known after each ISP, and needed by no first plan
    if feed.brings_series and not later and not series.prices and not series.forecasts:
        return _Fed(faults=(f"feed {feed.name}: it answers, but has nothing for {period}",), doubts=timeless)
    if (isinstance(feed, OutlookFeed) and not any(one.rows for one in series.outlooks)) or (
        later and not series.prices
    ):
        return _Fed(doubts=(f"feed {feed.name}: it answers, but has nothing for {period}",))
    refused = [
        f"feed {feed.name}: {one.series}: {one.refused[0]}; {len(one.refused)} refused in all"
        for one in series.outlooks
        if one.refused
    ]
    capacity = [product.series for product in settings.markets.capacity]
    unlikely = [
        f"feed {feed.name}: {doubt.words} A factor in the feed's settings converts it (factor = 1000 from EUR/kWh)."
        for doubt in doubts(replace(Register(), prices=series.prices), capacity)
    ]
    return _Fed(prices=series.prices, doubts=(*timeless, *unlikely, *refused))


def _timeless(feed: FeedSection) -> Iterator[str]:
    """Yield a doubt about a web address that asks for the same whatever the day."""
    url = getattr(feed, "url", None)
    if isinstance(url, str) and not placeholders(url) & {"period", "start"}:
        yield (
            f"feed {feed.name}: url has neither {{start}} nor {{period}}, so it asks for the same on every day; write "
            "where the day belongs, unless the source always gives the coming one"
        )


def _undelivered(settings: Settings, delivered: set[str], *, failed: bool) -> Iterator[str]:
    """Yield the price series that planning needs and nobody gives; `failed`: some feed did not answer."""
    try:
        with closing(open_store(settings)) as store, store.transaction() as tx:
            empty = not register_summary.has_connections(tx)
            stored = register_summary.price_series(tx)
    except AgrError:  # the check of the store says why
        return
    if empty and not settings.feeds:
        return  # nothing has been set up yet
    records = [feed for feed in settings.feeds if isinstance(feed, RecordFeed)]
    named = {str(feed.series) for feed in records if feed.series} if failed else set()
    known = delivered | stored | named
    for setting, series in _needed(settings):
        if series not in known:
            there_is = f"; {meant(series, sorted(known))}" if known else ""
            yield (
                f"no feed delivers the price series {series!r} of {setting}, and none was imported{there_is}; add a "
                "feed in [[feeds]], correct the name, or import prices"
            )


def _needed(settings: Settings) -> Iterator[tuple[str, str]]:
    markets = settings.markets
    yield "markets.day_ahead.series", markets.day_ahead.series
    yield "markets.day_ahead.forecast_series", markets.day_ahead.forecast_series
    if markets.intraday.buy_series is not None and markets.intraday.sell_series is not None:
        yield "markets.intraday.buy_series", markets.intraday.buy_series
        yield "markets.intraday.sell_series", markets.intraday.sell_series
    for product in markets.capacity:
        yield f"markets.capacity {product.name}", product.series


def _open_to_others(settings: Settings) -> Iterator[str]:
    """Yield a doubt about a data folder that was made with rights for everybody; a new one is for its owner only."""
    folder = settings.data_folder
    mode = stat.S_IMODE(folder.stat().st_mode) if folder.is_dir() else 0
    if mode & 0o007:
        yield f"data_folder {folder} is open to everybody (mode {mode:04o}) and holds personal data: chmod 700 {folder}"


def _wrong_keys(domain: str, role: str, keys: Iterable[str]) -> Iterator[str]:
    """Yield keys that nobody can have made: their form is right, but they are no points of the curve."""
    from nacl.bindings import crypto_core_ed25519_is_valid_point

    for key in keys:
        if not crypto_core_ed25519_is_valid_point(public_key_bytes(key)):
            yield f"{domain} ({role}): {key!r} is not an Ed25519 key: a letter is wrong or missing; ask for it again"


def _reachable(settings: Settings) -> list[Participant]:
    try:
        return [p for p in participants_of(settings).everybody() if p.endpoint and p.role != "AGR"]
    except AgrError:  # the check of the participants says why
        return []


def _reached(participant: Participant, settings: Settings) -> str:
    """Ask an endpoint for anything; any answer will do. Return what is doubtful in words, empty if nothing is."""
    import httpx  # slow to import

    from agr.uftp.connections import Connections

    who = f"{participant.domain} ({participant.role})"
    connections = Connections(settings.tls.authorities_file, timeout_s=PATIENCE_S)
    try:
        connections.prepare(participant.way).get(participant.endpoint)
    except (httpx.HTTPError, httpx.InvalidURL, AgrError) as error:
        return f"{who}: endpoint {participant.endpoint} cannot be reached now ({error})"
    finally:
        connections.close()
    return ""


def _posted_to(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield every web address that something is posted to, with what it is called."""
    for bid in settings.bids.webhooks:
        yield f"bids: channel {bid.name}", bid.url
    for news in settings.setpoints.webhooks:
        yield f"setpoints: channel {news.name}", news.url
    for brp in settings.brps:
        if brp.url is not None:
            yield f"brps: BRP {brp.name}", brp.url


def _heard(who: str, url: str, settings: Settings) -> str:
    """Ask a webhook for anything, posting nothing; any answer will do. Return what is doubtful in words."""
    import httpx  # slow to import

    from agr.connectors.posting import place_of
    from agr.uftp.connections import tls_context

    try:
        trusted = tls_context(settings.tls.authorities_file, beside_system=True)
        httpx.head(url, verify=trusted, timeout=PATIENCE_S)
    except (httpx.HTTPError, httpx.InvalidURL, AgrError) as error:
        return f"{who}: {place_of(url)} cannot be reached now ({error})"
    return ""


def _provider(settings: Oidc) -> str:
    """Ask an identity provider what it says of itself. Return what is doubtful in words."""
    from agr.operations import log  # slow to import, as is what follows
    from agr.operations.accounts.identity_provider import IdentityProvider

    log.configure(quiet=True)  # what is doubtful is told in words
    try:
        provider = IdentityProvider(settings)
    except AgrError as error:
        return f"operators.oidc: {error}"
    try:
        provider.try_it()
    except AgrError as error:
        return f"operators.oidc: {error}"
    finally:
        provider.close()
    return ""
