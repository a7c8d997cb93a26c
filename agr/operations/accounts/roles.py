"""Roles and what they may do. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from agr.domain.errors import AccessError


class Permission(Enum):
    """One thing somebody may do; also the scope of an API token."""

    READ = "read"  # see everything
    METRICS = "metrics"  # scrape /metrics
    PREVIEW = "preview"  # ask for plans that are only looked at
    ACT = "act"  # everything that changes what is sent
    ANSWER = "answer"  # answer e-programs; what the token of a balance responsible party may do
    READINGS = "readings"  # report readings of resources; what the token of a back-end may do
    REGISTER = "register"  # add, change and remove connections, resources, contracts and limits
    ADMIN = "admin"  # accounts and tokens of others


ROLES: dict[str, frozenset[Permission]] = {
    "viewer": frozenset({Permission.READ, Permission.METRICS}),
    "analyst": frozenset({Permission.READ, Permission.METRICS, Permission.PREVIEW}),
    "operator": frozenset(set(Permission) - {Permission.ADMIN}),
    "admin": frozenset(Permission),
}
"""Role → what it may do; each one includes the one before."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who makes a request, and what they may do."""

    name: str
    role: str
    allowed: frozenset[Permission]
    via: str  # session | token | guest | command | feed
    csrf: str = ""  # of the session
    dsos: frozenset[str] = frozenset()  # acts for these DSOs only; empty: for all
    brps: frozenset[str] = frozenset()  # acts for these balance responsible parties only; empty: for all

    def may(self, what: Permission) -> bool:
        """Say whether this principal may do something."""
        return what in self.allowed

    @property
    def limited(self) -> bool:
        """Whether this principal acts for some DSOs or some balance responsible parties (BRPs) only."""
        return bool(self.dsos or self.brps)

    def must_act_for(self, concerned: Iterable[str], what: str, *, brps: Iterable[str] = ()) -> None:
        """Raise AccessError unless this principal acts for every DSO and every BRP concerned.

        None of either: the whole portfolio is concerned. So an action that does not name its BRPs is refused to those
        who act for some of them only.
        """
        for mine, wanted in ((self.dsos, set(concerned)), (self.brps, set(brps))):
            if not mine or (wanted and wanted <= mine):
                continue
            whom = ", ".join(sorted(wanted - mine)) or "the whole portfolio"
            raise AccessError(
                f"{self.name} acts for {', '.join(sorted(mine))} only, and {what} concerns {whom}; ask somebody who "
                "acts for it, or an admin to change your account"
            )

    def acting_for(self, dsos: frozenset[str], brps: frozenset[str]) -> "Principal":
        """Return the same principal, acting for these DSOs and BRPs only; none: for all."""
        return replace(self, dsos=dsos, brps=brps)

    @property
    def label(self) -> str:
        """How the audit log names this principal."""
        return self.name if self.via == "session" else f"{self.name} ({self.via})"


def feed(name: str) -> Principal:
    """Return a feed in the settings, which enters what it reports."""
    return Principal(name=name, role="operator", allowed=ROLES["operator"], via="feed")


def guest(name: str) -> Principal:
    """Return a viewer who needs no log-in (the demo's)."""
    return Principal(name=name, role="viewer", allowed=ROLES["viewer"], via="guest")
