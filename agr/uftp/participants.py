"""The directory of participants: who exchanges messages with us, in which role, where, and with which keys."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from threading import Lock

from agr.domain.errors import SettingsError
from agr.uftp.access import Way
from agr.uftp.signing import public_key_bytes

ROLES = ("AGR", "CRO", "DSO")


@dataclass(frozen=True, kw_only=True)
class Participant:
    """One domain in one role. Two keys are both valid while the participant changes them.

    Where `discovered`, endpoint and keys may be missing until the DNS has been asked.
    """

    domain: str
    role: str
    endpoint: str
    public_keys: tuple[str, ...]  # cs1.…
    barred: bool = False
    discovered: bool = False
    version: str = "3.1.0"
    limits: bool = False  # its powers are limits of connections (GOPACS), and it takes no D-Prognoses
    way: Way = field(default_factory=Way)


_MOST_UNKNOWN = 20
"""Most domains of unknown senders that are kept until somebody looks at them."""


class Participants:
    """The configured directory. Raises SettingsError when an entry cannot be used."""

    def __init__(self, participants: Iterable[Participant]) -> None:
        self._by_name: dict[tuple[str, str], Participant] = {}
        self._keys: dict[tuple[str, str], tuple[bytes, ...]] = {}
        self._doubted: set[tuple[str, str]] = set()
        self._unknown: dict[str, None] = {}
        self._lock = Lock()
        for participant in participants:
            name = (participant.domain, participant.role)
            where = f"participant {participant.domain} as {participant.role}"
            if participant.role not in ROLES:
                raise SettingsError(f"{where}: expected a role of {', '.join(ROLES)}")
            if name in self._by_name:
                raise SettingsError(f"{where} is listed twice; remove one")
            if len(participant.public_keys) not in ((0, 1, 2) if participant.discovered else (1, 2)):
                raise SettingsError(f"{where}: expected one public key, or two while they change")
            try:
                self._keys[name] = tuple(public_key_bytes(key) for key in participant.public_keys)
            except ValueError as error:
                raise SettingsError(f"{where}: {error}") from None
            self._by_name[name] = participant

    def find(self, domain: str, role: str) -> Participant | None:
        """Return the participant, None when it is not known in that role."""
        return self._by_name.get((domain, role))

    def keys(self, domain: str, role: str) -> tuple[bytes, ...]:
        """Return the signing keys of a participant, barred or not; none when it is unknown."""
        return self._keys.get((domain, role), ())

    def limits(self, domain: str) -> bool:
        """Say whether the powers of a grid operator are limits of connections, not deviations from prognoses."""
        known = self.find(domain, "DSO")
        return known is not None and known.limits

    def add(self, participant: Participant) -> None:
        """Know one more participant from the next message on; one that is known stays as it is."""
        with self._lock:
            name = (participant.domain, participant.role)
            if name not in self._by_name:
                self._keys[name] = tuple(public_key_bytes(key) for key in participant.public_keys)
                self._by_name[name] = participant

    def doubt(self, domain: str, role: str) -> None:
        """Note that a message in a participant's name has a signature that no key of it fits: is there a newer key?"""
        with self._lock:
            if (domain, role) in self._by_name:
                self._doubted.add((domain, role))

    def miss(self, domain: str, role: str) -> None:
        """Note that somebody unknown has sent a message: may a directory know it? The first few are kept."""
        if role == "DSO" and len(self._unknown) < _MOST_UNKNOWN:
            with self._lock:
                if (domain, role) not in self._by_name:
                    self._unknown[domain] = None

    def unknown(self) -> tuple[str, ...]:
        """Return the domains of unknown DSOs that have sent something since the last call, in order."""
        with self._lock:
            found, self._unknown = tuple(self._unknown), {}
        return found

    def doubted(self) -> frozenset[tuple[str, str]]:
        """Return whose keys have been doubted since the last call."""
        with self._lock:
            found, self._doubted = frozenset(self._doubted), set()
        return found

    def set_barred(self, domain: str, role: str, barred: bool) -> bool:
        """Bar a participant or let it in again, from the next message on; False when it is unknown."""
        with self._lock:
            known = self._by_name.get((domain, role))
            if known is None:
                return False
            self._by_name[domain, role] = replace(known, barred=barred)
        return True

    def learn(
        self, domain: str, role: str, *, public_keys: tuple[str, ...] = (), endpoint: str = "", version: str = ""
    ) -> None:
        """Use what was found about a participant from the next message on; empty values change nothing."""
        with self._lock:
            known = self._by_name[domain, role]
            keys = public_keys or known.public_keys
            self._by_name[domain, role] = replace(
                known, public_keys=keys, endpoint=endpoint or known.endpoint, version=version or known.version
            )
            self._keys[domain, role] = tuple(public_key_bytes(key) for key in keys)

    def forget(self, domain: str, role: str, *, keys: bool, endpoint: bool) -> None:
        """Drop what was found and may no longer be used."""
        with self._lock:
            known = self._by_name[domain, role]
            kept = () if keys else known.public_keys
            self._by_name[domain, role] = replace(known, public_keys=kept, endpoint="" if endpoint else known.endpoint)
            self._keys[domain, role] = tuple(public_key_bytes(key) for key in kept)

    def everybody(self) -> tuple[Participant, ...]:
        """Return every participant, in the order configured."""
        return tuple(self._by_name.values())

    def with_role(self, role: str) -> tuple[Participant, ...]:
        """Return everybody with that role, in the order configured."""
        return tuple(participant for participant in self._by_name.values() if participant.role == role)

    def roles_of(self, domain: str) -> tuple[str, ...]:
        """Return the roles in which a domain is known."""
        return tuple(role for known, role in self._by_name if known == domain)
