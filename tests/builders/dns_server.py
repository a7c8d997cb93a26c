"""A real DNS server on loopback: its own zones, signed with real keys, delegated from its own root.

Answers like a recursive resolver that leaves validation to the client. It can also lie, by name of the fault.
"""

import contextlib
import errno
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

SOA = "@ 3600 IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n@ 3600 IN NS ns.invalid.\n"
Lie = Callable[[dns.message.Message], None]


@dataclass
class Zone:
    """One zone and its key; `signed` may be False, `inception` and `expiration` bound its signatures."""

    name: str
    records: str
    signed: bool = True
    inception: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=1))
    expiration: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(days=7))

    def __post_init__(self) -> None:
        self.origin = dns.name.from_text(self.name)
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.key = dns.dnssec.make_dnskey(
            self.private.public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256, flags=257
        )

    @property
    def ds(self) -> str:
        """The record by which the zone above vouches for this one."""
        return dns.dnssec.make_ds(self.origin, self.key, "SHA256").to_text()

    def made(self) -> dns.zone.Zone:
        """Return the zone, signed."""
        zone = dns.zone.from_text(SOA + self.records, origin=self.origin, relativize=False, check_origin=False)
        if self.signed:
            dns.dnssec.sign_zone(
                zone, keys=[(self.private, self.key)], inception=self.inception, expiration=self.expiration
            )
        return zone


class DnsServer:
    """Serves a root and the zones below it over UDP and TCP, on one port. `lie` may change any answer."""

    def __init__(self, *zones: Zone) -> None:
        self.lie: Lie | None = None
        self.silent = False
        self.garbage: Iterator[bytes] | None = None
        self.asked: list[tuple[str, str]] = []
        self.serve(*zones)
        self._tcp, self._udp = _pair()
        self.port = int(self._tcp.getsockname()[1])
        for work in (self._packets, self._streams):
            threading.Thread(target=work, daemon=True).start()

    def serve(self, *zones: Zone) -> None:
        """Serve these zones from now on; each is delegated by the one above it, securely if it is signed."""
        every = sorted(zones, key=lambda z: len(z.origin))
        self.root = Zone(".", "")
        whole = [self.root, *every]
        for below in every:
            above = max((z for z in whole if z is not below and below.origin.is_subdomain(z.origin)), key=_depth)
            above.records += f"{below.name} 3600 IN NS ns.invalid.\n"
            above.records += f"{below.name} 3600 IN DS {below.ds}\n" if below.signed else ""
        self._zones = {zone.origin: zone.made() for zone in whole}

    @property
    def anchor(self) -> str:
        """The trust anchor of its root."""
        return f". IN DS {self.root.ds}\n"

    def close(self) -> None:
        """Answer no more."""
        self._udp.close()
        with contextlib.suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)
        self._tcp.close()

    def _packets(self) -> None:
        while True:
            try:
                wire, peer = self._udp.recvfrom(65_535)
            except OSError:
                return
            if self.garbage is not None:
                self._udp.sendto(next(self.garbage), peer)
            elif not self.silent:
                query = dns.message.from_wire(wire)
                self._udp.sendto(_cut(self._answer(query), query.payload or 512), peer)

    def _streams(self) -> None:
        while True:
            try:
                peer, _ = self._tcp.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError):
                size = struct.unpack("!H", peer.recv(2))[0]
                wire = self._answer(dns.message.from_wire(peer.recv(size))).to_wire(max_size=65_535)
                peer.sendall(struct.pack("!H", len(wire)) + wire)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        question, response = query.question[0], dns.message.make_response(query, recursion_available=True)
        self.asked.append((question.name.to_text(), dns.rdatatype.to_text(question.rdtype)))
        if not self._holds(response, question.name, question.rdtype):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if self.lie is not None:
            self.lie(response)
        return response

    def _holds(self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> bool:
        """Put what a name holds into the answer, aliases followed; False when there is no such name."""
        of = [o for o in self._zones if name.is_subdomain(o) and (kind != dns.rdatatype.DS or o != name)]
        zone = self._zones[max(of, key=len)]
        node = zone.get_node(name)
        if node is None:
            star = dns.name.from_text("*", name.parent())
            node = zone.get_node(star)
            if node is None:
                return False
        for wanted in (kind, dns.rdatatype.CNAME):
            rdataset = node.get_rdataset(dns.rdataclass.IN, wanted)
            if rdataset is not None:
                _add(response, name, rdataset)
                signatures = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, wanted)
                if signatures is not None:
                    _add(response, name, signatures)
                if wanted != kind and len(response.answer) < 30:
                    self._holds(response, rdataset[0].target, kind)
                return True
        return True


def _pair() -> tuple[socket.socket, socket.socket]:
    """Return a TCP and a UDP socket on one number; somebody else may have the number on UDP, then try another."""
    while True:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        except OSError as error:
            tcp.close()
            udp.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return tcp, udp


def _depth(zone: Zone) -> int:
    return len(zone.origin)


def _add(response: dns.message.Message, name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> None:
    rrset = dns.rrset.RRset(name, rdataset.rdclass, rdataset.rdtype, rdataset.covers)
    rrset.update(rdataset)
    response.answer.append(rrset)


def _cut(response: dns.message.Message, size: int) -> bytes:
    """Return what fits into a packet, or the mark that asks for TCP."""
    wire = response.to_wire(max_size=65_535)
    if len(wire) <= size:
        return wire
    empty = dns.message.Message(response.id)
    empty.flags = response.flags | dns.flags.TC
    empty.question = response.question
    return empty.to_wire()


# --- lies ---------------------------------------------------------------------------------------------------------


def forged(kind: str, text: str) -> Lie:
    """Replace the records of a type, and leave the signature as it is."""

    def lie(response: dns.message.Message) -> None:
        for rrset in response.answer:
            if rrset.rdtype == dns.rdatatype.from_text(kind):
                rrset.clear()
                rrset.add(dns.rdata.from_text("IN", kind, text), 3600)

    return lie


def unsigned(response: dns.message.Message) -> None:
    """Take the signatures away."""
    response.answer = [rrset for rrset in response.answer if rrset.rdtype != dns.rdatatype.RRSIG]


def broken(response: dns.message.Message) -> None:
    """Fail as a server in trouble does."""
    response.answer = []
    response.set_rcode(dns.rcode.SERVFAIL)
