"""Messages of every type at random, for Hypothesis."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from agr.domain.program import IspRun
from agr.uftp import messages as m


def build(kind, **fields):
    """Return instances of a message type; its signature has the XML names, so hypothesis cannot read it."""
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


uuids = st.uuids().map(str) | st.uuids().map(lambda u: str(u).upper())
labels = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True)
domains = st.builds(lambda a, b: f"{a}.{b}.nl", labels, labels)
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
days = st.dates(date(1900, 1, 1), date(8999, 12, 31))
BLANK = " \t\n\r"
"""White space at the ends of identifiers is padding, and is not read"""
addresses = st.integers(0, 10**18 - 1).map(lambda n: f"ean.{n:018d}") | st.builds(
    lambda y, text, end: f"ea1.{y:04d}-01.nl.agr:{text}{end}",
    st.integers(0, 9999),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=99),
    st.characters(min_codepoint=33, max_codepoint=126),
)
texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
    | st.sampled_from(["\n", "\t", "\r", "<", "&", '"', "'"]),
    max_size=50,
)
names = texts.map(lambda text: text.strip(BLANK))
zones = st.sampled_from(["Europe/Amsterdam", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Africa/Cairo"])
runs = st.lists(
    st.builds(
        IspRun, start=st.integers(-5, 100), power_w=st.integers(-(10**12), 10**12), duration=st.integers(-1, 100)
    ),
    min_size=1,
    max_size=20,
).map(tuple)
metadata = {
    "version": st.sampled_from(["3.0.0", "3.1.0", "4.12.0"]),
    "sender_domain": domains,
    "recipient_domain": domains,
    "time_stamp": instants,
    "message_id": uuids,
    "conversation_id": uuids,
}
isp_fields = {
    **metadata,
    "isp_duration": st.integers(1, 86400).map(lambda s: timedelta(seconds=s)),
    "time_zone": zones,
    "period": days,
    "congestion_point": addresses,
    "isps": runs,
}
verdicts = {
    **metadata,
    "result": st.sampled_from(list(m.Result)),
    "rejection_reason": st.none() | texts,
    "reference": uuids,
}
many_addresses = st.lists(addresses, max_size=5).map(tuple)
roles = st.sampled_from(["AGR", "DSO"])
points = build(
    m.CongestionPointView,
    address=addresses,
    mutex_offers=st.booleans(),
    day_ahead_redispatch_by=roles,
    intraday_redispatch_by=st.none() | roles,
    connections=many_addresses,
)
portfolios = build(
    m.DsoPortfolio,
    dso_domain=domains,
    congestion_points=st.lists(points, max_size=3).map(tuple),
    connections=many_addresses,
)
views = build(m.DsoView, portfolios=st.lists(portfolios, max_size=3).map(tuple), connections=many_addresses)
portfolio_answers = build(
    m.AGRPortfolioQueryResponse,
    **{**verdicts, "result": st.just(m.Result.ACCEPTED)},
    time_zone=zones,
    period=days,
    dso_views=st.lists(views, max_size=3).map(tuple),
    connections=many_addresses,
) | build(
    m.AGRPortfolioQueryResponse,
    **{**verdicts, "result": st.just(m.Result.REJECTED)},
    time_zone=st.none() | zones,
    period=st.none() | days,
)
amounts = st.decimals(Decimal("-99999.9999"), Decimal("99999.9999"), places=4)
factors = st.decimals(Decimal("0.01"), Decimal("1.00"), places=2)
powers = st.integers(-(10**12), 10**12)
flags = st.none() | st.booleans()
maybe_texts, maybe_names, maybe_uuids = st.none() | texts, st.none() | names, st.none() | uuids
place = {name: isp_fields[name] for name in ("isp_duration", "time_zone", "period", "congestion_point")}
spans = {"start": st.integers(1, 100), "duration": st.integers(1, 100)}
origins = {
    "contract_id": maybe_names, "prognosis": maybe_uuids, "baseline_reference": maybe_names,
}  # fmt: skip
settled_orders = build(
    m.OrderSettlement,
    **origins,
    order_reference=maybe_texts,
    period=days,
    congestion_point=addresses,
    price=amounts,
    penalty=amounts,
    net_settlement=amounts,
    isps=st.lists(
        build(
            m.OrderSettlementIsp,
            **spans,
            baseline_w=powers,
            ordered_w=powers,
            actual_w=powers,
            delivered_w=powers,
            deficiency_w=powers,
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)
settled_contracts = build(
    m.ContractSettlement,
    contract_id=maybe_names,
    periods=st.lists(
        build(
            m.ContractSettlementPeriod,
            period=days,
            isps=st.lists(
                build(
                    m.ContractSettlementIsp,
                    **spans,
                    reserved_w=powers,
                    requested_w=st.none() | powers,
                    available_w=st.none() | powers,
                    offered_w=st.none() | powers,
                    ordered_w=st.none() | powers,
                ),
                min_size=1,
                max_size=2,
            ).map(tuple),
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
)
traded = st.one_of(
    build(
        m.FlexRequest,
        **metadata,
        **place,
        revision=st.integers(-(2**63), 2**63 - 1),
        expires_at=instants,
        contract_id=maybe_names,
        service_type=maybe_names,
        isps=st.lists(
            build(
                m.RequestIsp,
                **spans,
                disposition=st.sampled_from([None, "Requested", "Available"]),
                min_power_w=powers,
                max_power_w=powers,
            ),
            min_size=1,
            max_size=5,
        ).map(tuple),
    ),
    build(
        m.FlexOffer,
        **metadata,
        **place,
        **origins,
        expires_at=instants,
        unsolicited=flags,
        flex_request=maybe_uuids,
        currency=st.sampled_from(["EUR", "SEK"]),
        options=st.lists(
            build(m.OfferedOption, option_reference=names, price=amounts, min_activation_factor=factors, isps=runs),
            min_size=1,
            max_size=3,
        ).map(tuple),
    ),
    build(m.FlexOfferRevocation, **metadata, flex_offer=uuids),
    build(
        m.Metering,
        **metadata,
        **{name: of for name, of in place.items() if name != "congestion_point"},
        revision=st.integers(1, 2**63 - 1),
        currency=st.none() | st.just("EUR"),
        ean=st.sampled_from(["E8716859000126365", "e1234567890123456"]),
        profiles=st.lists(
            build(
                m.MeteringProfile,
                profile_type=st.sampled_from(["Power", "ImportEnergy", "ExportMeterReading"]),
                unit=st.sampled_from(["kW", "kWh"]),
                isps=st.lists(
                    build(m.MeteredIsp, start=st.integers(1, 100), value=amounts), min_size=1, max_size=3
                ).map(tuple),
            ),
            min_size=1,
            max_size=2,
        ).map(tuple),
    ),
    build(
        m.FlexOrder,
        **metadata,
        **place,
        **origins,
        isps=runs,
        unsolicited=flags,
        flex_offer=maybe_uuids,
        service_type=maybe_names,
        price=amounts,
        currency=st.sampled_from(["EUR", "SEK"]),
        order_reference=texts,
        option_reference=maybe_names,
        activation_factor=factors,
    ),
    build(
        m.FlexSettlement,
        **metadata,
        result=st.sampled_from(list(m.Result)),
        period_start=days,
        period_end=days,
        currency=st.sampled_from(["EUR", "SEK"]),
        orders=st.lists(settled_orders, min_size=1, max_size=2).map(tuple),
        contracts=st.lists(settled_contracts, min_size=1, max_size=2).map(tuple),
    ),
    build(
        m.FlexSettlementResponse,
        **verdicts,
        order_statuses=st.lists(
            build(
                m.OrderSettlementStatus,
                order_reference=maybe_texts,
                disposition=st.sampled_from(["Accepted", "Disputed"]),
                dispute_reason=maybe_texts,
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
    ),
    *(
        build(kind, **verdicts)
        for kind in (
            m.FlexRequestResponse,
            m.FlexOfferResponse,
            m.FlexOfferRevocationResponse,
            m.FlexOrderResponse,
            m.MeteringResponse,
        )
    ),
)
"""Messages of trading; texts of the version 3.1.0."""
every_message = st.one_of(
    traded,
    build(m.TestMessage, **metadata),
    build(m.TestMessageResponse, **metadata),
    build(m.AGRPortfolioQuery, **metadata, time_zone=zones, period=days),
    portfolio_answers,
    build(
        m.AGRPortfolioUpdate,
        **metadata,
        time_zone=zones,
        connections=st.lists(
            build(m.ConnectionUpdate, address=addresses, start_period=days, end_period=st.none() | st.dates()),
            min_size=1,
            max_size=5,
        ).map(tuple),
    ),
    build(m.AGRPortfolioUpdateResponse, **verdicts),
    build(m.DPrognosis, **isp_fields, revision=st.integers(-(2**63), 2**63 - 1)),
    build(
        m.DPrognosisResponse,
        **verdicts,
        flex_order_statuses=st.lists(
            build(m.FlexOrderStatus, flex_order_message_id=uuids, is_validated=st.booleans()), max_size=3
        ).map(tuple),
    ),
    build(m.FlexReservationUpdate, **isp_fields, contract_id=names, dso_reference=texts),
    build(m.FlexReservationUpdateResponse, **verdicts),
)
