"""Asks the DNS, and believes only what a chain of signatures from a trust anchor proves (DNSSEC, RFC 4033 to 4035).

Absence proves nothing: names without a signature, zones without a DS record and answers from a wildcard are refused.
Whoever strips or forges an answer therefore gains nothing but a refusal. Needs dnspython (`agr-optimizer[dns]`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.resolver
import dns.rrset
import dns.zonefile
from dns.dnssectypes import DSDigest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.dnskeybase import Flag

from agr.domain.errors import DiscoveryError, SettingsError

ROOT_ANCHORS = """\
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
"""
"""Digests of the root zone's keys of 2017 and 2024. Source: IANA, root-anchors.xml."""

MOST_ALIASES = 8
MOST_RECORDS = 20
"""Most keys of a zone, and most signatures of a record set, that are looked at: more would only cost time."""
LONGEST_ZONE_S = 3600
AHEAD = 0.8
"""Share of the remaining life of a zone's key signatures after which they are looked up again."""
DIGESTS = (DSDigest.SHA256, DSDigest.SHA384)
_PAYLOAD = 1232
_FOREVER = datetime.max.replace(tzinfo=UTC)
_TYPES = {"TXT": dns.rdatatype.TXT, "CNAME": dns.rdatatype.CNAME}

Anchors = Mapping[dns.name.Name, Sequence[DS]]
Response = dns.message.QueryMessage


@dataclass(frozen=True, kw_only=True)
class DnsAnswer:
    """What a name holds: fresh for its time to live, valid as long as its signatures are."""

    values: tuple[str, ...]
    fresh_until: datetime
    valid_until: datetime


@dataclass(frozen=True)
class _Zone:
    keys: dns.rdataset.Rdataset
    fresh_until: datetime
    valid_until: datetime


def anchors_of(path: Path | None) -> Anchors:
    """Read trust anchors: DS or DNSKEY records in the form of a zone file; none: the root's. Raises SettingsError."""
    try:
        text = ROOT_ANCHORS if path is None else path.read_text(encoding="utf-8")
        found: dict[dns.name.Name, list[DS]] = {}
        for rrset in dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=3600):
            for record in rrset:
                ds = dns.dnssec.make_ds(rrset.name, record, DSDigest.SHA256) if isinstance(record, DNSKEY) else record
                if not isinstance(ds, DS) or ds.digest_type not in DIGESTS:
                    raise SettingsError(f"discovery.trust_anchors_file {path}: expected DS (SHA-256) or DNSKEY records")
                found.setdefault(rrset.name, []).append(ds)
    except OSError as error:
        raise SettingsError(f"discovery.trust_anchors_file {path} cannot be read: {error.strerror}") from error
    except (dns.exception.DNSException, ValueError) as error:
        raise SettingsError(f"discovery.trust_anchors_file {path} is not a list of DS records: {error}") from error
    if not found:
        raise SettingsError(f"discovery.trust_anchors_file {path} holds no record")
    return found


class Dns:
    """A resolver whose answers are believed as far as `validation` says; not for use from several threads at once.

    `chain`: we follow every signature from the trust anchors. `resolver`: the resolver validates and is believed, if it
    is on this machine or a trusted network. `none`: everything is believed, in test networks.
    """

    def __init__(
        self, *, resolvers: Sequence[tuple[str, int]], validation: str, anchors: Anchors, timeout_s: float,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        try:
            self._resolver = dns.resolver.Resolver(configure=not resolvers)
        except dns.exception.DNSException as error:
            raise SettingsError(f"discovery.resolvers is empty and the system names none: {error}") from error
        if resolvers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in resolvers]
        self._resolver.lifetime = timeout_s
        self._resolver.timeout = max(timeout_s / 2, 0.1)
        self._resolver.use_edns(0, dns.flags.DO, _PAYLOAD)
        # We check ourselves: a resolver that refuses a wrong answer could not say why.
        self._resolver.flags = dns.flags.RD | (dns.flags.CD if validation == "chain" else dns.flags.AD)
        self._validation, self._anchors, self._now = validation, anchors, now
        self._zones: dict[dns.name.Name, _Zone] = {}

    def ask(self, name: str, kind: str) -> DnsAnswer:
        """Return the TXT records (each joined) or the CNAME of a name, following aliases. Raises DiscoveryError."""
        try:
            return self._ask(dns.name.from_text(name), _TYPES[kind])
        except dns.resolver.NXDOMAIN:
            raise DiscoveryError(f"the DNS knows no {name}") from None
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise DiscoveryError(f"{name} could not be looked up: {error}") from error

    def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> DnsAnswer:
        fresh, valid, at = _FOREVER, _FOREVER, name
        for _ in range(MOST_ALIASES):
            response = self._query(at, kind)
            found = _records(response, at, kind)
            rrset = found or _records(response, at, dns.rdatatype.CNAME)
            if rrset is None:
                raise DiscoveryError(f"{at} has no {dns.rdatatype.to_text(kind)} record")
            valid = min(valid, self._believed(response, rrset))
            fresh = min(fresh, self._now() + timedelta(seconds=rrset.ttl), valid)
            if found is not None:
                return DnsAnswer(values=tuple(map(_text, found)), fresh_until=fresh, valid_until=valid)
            at = rrset[0].target
        raise DiscoveryError(f"{name} is an alias of an alias, more than {MOST_ALIASES} times, or in a circle")

    def _query(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Response:
        answer = self._resolver.resolve(name, kind, raise_on_no_answer=False, search=False)
        return answer.response

    def _believed(self, response: Response, rrset: dns.rrset.RRset) -> datetime:
        """Return until when a set may be believed. Raises DiscoveryError when it may not be at all."""
        if self._validation == "none":
            return _FOREVER
        if self._validation == "resolver":
            if not response.flags & dns.flags.AD:
                raise DiscoveryError(f"the resolver does not vouch for {rrset.name}: its zone must be signed (DNSSEC)")
            return _FOREVER
        return self._signed(response, rrset)

    # --- the chain of signatures ----------------------------------------------------------------------------------

    def _signed(self, response: Response, rrset: dns.rrset.RRset) -> datetime:
        """Follow the signature of a set up to a trust anchor; return until when all of the chain is valid."""
        signatures = _signatures(response, rrset)
        signers = {signature.signer for signature in signatures}
        signer = signers.pop()
        above = signer != rrset.name if rrset.rdtype == dns.rdatatype.DS else True
        if signers or not rrset.name.is_subdomain(signer) or not above:
            raise DiscoveryError(f"{_what(rrset)} is not signed by its own zone")
        zone = self._zone(signer)
        return min(zone.valid_until, self._verified(rrset, signatures, signer, zone.keys))

    def _zone(self, name: dns.name.Name) -> _Zone:
        """Return the keys of a zone, once an anchor or the zone above vouches for them."""
        known = self._zones.get(name)
        if known is not None and self._now() < min(known.fresh_until, known.valid_until):
            return known
        vouched, valid = self._vouched(name)
        response = self._query(name, dns.rdatatype.DNSKEY)
        keys = _records(response, name, dns.rdatatype.DNSKEY)
        if keys is None or len(keys) > MOST_RECORDS:
            raise DiscoveryError(f"zone {name} has no keys, or more than {MOST_RECORDS}")
        entry = [key for key in keys if not key.flags & Flag.REVOKE and _fits(name, key, vouched)]
        if not entry:
            raise DiscoveryError(f"none of the keys of zone {name} is vouched for by its parent or by our trust anchor")
        trusted = dns.rdataset.from_rdata_list(keys.ttl, entry)
        valid = min(valid, self._verified(keys, _signatures(response, keys), name, trusted))
        # Ask again before the signatures expire: an early request for a fresher answer must not get the old one.
        lasting = AHEAD * (valid - self._now()).total_seconds()
        fresh = self._now() + timedelta(seconds=min(keys.ttl, LONGEST_ZONE_S, lasting))
        usable = [key for key in keys if not key.flags & Flag.REVOKE]
        zone = _Zone(dns.rdataset.from_rdata_list(keys.ttl, usable), fresh, valid)
        self._zones[name] = zone
        return zone

    def _vouched(self, name: dns.name.Name) -> tuple[Sequence[DS], datetime]:
        """Return the digests of the keys that may sign a zone's keys."""
        anchored = self._anchors.get(name)
        if anchored:
            return anchored, _FOREVER
        if name == dns.name.root:
            raise DiscoveryError("no trust anchor is above this name; see discovery.trust_anchors_file")
        unsecured = f"zone {name} is not secured by DNSSEC: the zone above has no DS record for it"
        try:
            response = self._query(name, dns.rdatatype.DS)
        except dns.resolver.NXDOMAIN:
            raise DiscoveryError(unsecured) from None
        rrset = _records(response, name, dns.rdatatype.DS)
        if rrset is None:
            raise DiscoveryError(unsecured)
        if len(rrset) > MOST_RECORDS:
            raise DiscoveryError(f"zone {name} has more than {MOST_RECORDS} DS records")
        return list(rrset), self._signed(response, rrset)

    def _verified(
        self,
        rrset: dns.rrset.RRset,
        signatures: Sequence[RRSIG],
        signer: dns.name.Name,
        keys: dns.rdataset.Rdataset,
    ) -> datetime:
        """Return until when the set is signed by one of the keys. Raises DiscoveryError."""
        now, what = self._now().timestamp(), _what(rrset)
        if all(s.expiration < now for s in signatures):
            ended = datetime.fromtimestamp(max(s.expiration for s in signatures), UTC)
            raise DiscoveryError(f"the signature of {what} has expired on {ended:%Y-%m-%d %H:%M} UTC")
        if all(s.inception > now or s.expiration < now for s in signatures):
            begins = datetime.fromtimestamp(min(s.inception for s in signatures if s.inception > now), UTC)
            raise DiscoveryError(
                f"the signature of {what} is valid only from {begins:%Y-%m-%d %H:%M} UTC on: our clock is wrong, "
                "or its signer's; compare this machine's clock first"
            )
        for signature in signatures:
            if signature.labels < len(rrset.name) - 1:
                raise DiscoveryError(f"{what} comes from a wildcard; publish the name itself")
            try:
                dns.dnssec.validate_rrsig(rrset, signature, {signer: keys}, now=now)
            except (dns.exception.ValidationFailure, dns.exception.UnsupportedAlgorithm, ValueError):  # fmt: skip
                continue
            # A cache may not make a set live longer than its signer said.
            rrset.ttl = min(rrset.ttl, signature.original_ttl)
            return datetime.fromtimestamp(signature.expiration, UTC)
        raise DiscoveryError(f"no signature of {what} is valid: it was changed on its way, or its zone is broken")


def _records(response: Response, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
    return response.get_rrset(response.answer, name, dns.rdataclass.IN, kind)


def _signatures(response: Response, rrset: dns.rrset.RRset) -> list[RRSIG]:
    found = response.get_rrset(
        response.answer, rrset.name, dns.rdataclass.IN, dns.rdatatype.RRSIG, covers=rrset.rdtype
    )  # fmt: skip
    if found is None or len(found) > MOST_RECORDS:
        raise DiscoveryError(f"{_what(rrset)} is not signed (DNSSEC), and not believed")
    return list(found)


def _fits(zone: dns.name.Name, key: DNSKEY, vouched: Sequence[DS]) -> bool:
    return any(
        ds.digest_type in DIGESTS
        and ds.algorithm == key.algorithm
        and dns.dnssec.make_ds(zone, key, ds.digest_type, validating=True) == ds
        for ds in vouched
    )


def _what(rrset: dns.rrset.RRset) -> str:
    return f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}"


def _text(record: object) -> str:
    """Return a TXT record's strings joined, or an alias's target without its last dot."""
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("ascii", "replace")
    return str(getattr(record, "target", "")).removesuffix(".").lower()
