"""What counterparties say they got from us on the demo's day, read without our own codec."""

from dataclasses import dataclass

from agr.demo.world import DemoWorld
from agr.domain.xml_document import parse_xml


@dataclass(frozen=True, kw_only=True)
class AcceptedBid:
    """What the exchange took of our bid, in its own words; MW per product, bought positive."""

    bid_mw: tuple[float, ...]
    awarded_mw: tuple[float, ...]
    revision: int
    hours: float  # of a product

    @property
    def partly(self) -> int:
        """Products of which some was awarded, and not all."""
        return sum(award not in (0.0, bid) for bid, award in zip(self.bid_mw, self.awarded_mw, strict=True))

    @property
    def not_awarded(self) -> int:
        """Products that were bid, and of which nothing was awarded."""
        return sum(bid != 0.0 == award for bid, award in zip(self.bid_mw, self.awarded_mw, strict=True))

    @property
    def bid_mwh(self) -> float:
        """Net energy of the bid."""
        return sum(self.bid_mw) * self.hours

    @property
    def awarded_mwh(self) -> float:
        """Net energy of the award."""
        return sum(self.awarded_mw) * self.hours

    def json(self) -> dict[str, float]:
        """Return the figures."""
        return {
            "revision": self.revision, "bid_mwh": self.bid_mwh, "awarded_mwh": self.awarded_mwh,
            "partly_awarded": self.partly, "not_awarded": self.not_awarded,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Nominated:
    """What the BRP took of our e-programs, in its own words."""

    revisions: int
    accepted: int
    mwh: tuple[float, ...]  # of the newest revision, per ISP

    def json(self) -> dict[str, float]:
        """Return the figures."""
        return {"revisions": self.revisions, "accepted": self.accepted, "mwh": sum(self.mwh)}


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One D-Prognosis as a DSO received it, read from its raw XML without our codec."""

    dso: str
    point: str
    revision: int
    power_w: tuple[int, ...]


def heard(world: DemoWorld) -> list[Heard]:
    """Return the D-Prognoses that the DSOs received, read without our own codec."""
    found = []
    for domain, dso in world.dsos.items():
        for event in dso.received("D-Prognosis"):
            root = parse_xml(event.xml.encode())
            values: list[int] = []
            for isp in root.iter("ISP"):
                values += [int(isp.get("Power", "0"))] * int(isp.get("Duration", "1"))
            point, revision = root.get("CongestionPoint", ""), int(root.get("Revision", "0"))
            found.append(Heard(dso=domain, point=point, revision=revision, power_w=tuple(values)))
    return found


def exchanged(world: DemoWorld) -> AcceptedBid | None:
    """Return what the exchange took and awarded, as it said itself; None where it got no bid."""
    taken, cleared = world.exchange.told("bid"), world.exchange.told("cleared")
    if not taken:
        return None
    bid = taken[-1].numbers("mw")
    award = cleared[-1].numbers("mw") if cleared else (0.0,) * len(bid)
    minutes = world.settings.markets.day_ahead.product_minutes
    return AcceptedBid(bid_mw=bid, awarded_mw=award, revision=int(taken[-1].text("revision")), hours=minutes / 60)


def told_brp(world: DemoWorld) -> Nominated | None:
    """Return what the BRP took and accepted, as it said itself; None where it got no e-program."""
    taken = [event for event in world.brp.told("e-program") if event.text("period") == str(world.scenario.of)]
    if not taken:
        return None
    newest = max(taken, key=lambda event: int(event.text("revision")))
    accepted = {e.text("revision") for e in world.brp.told("answered") if e.text("answer") == "accepted"}
    return Nominated(
        revisions=len({event.message_id for event in taken}), accepted=len(accepted), mwh=newest.numbers("mwh")
    )  # fmt: skip
