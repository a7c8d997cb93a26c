"""What operators enter for plans to use: what is still reserved, what is unavailable."""

from datetime import date, timedelta

from agr.domain.errors import ConflictError, InputError
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.program import in_words
from agr.domain.register import Contract
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.store import day, overrides, register, register_rows
from agr.store.engine import Tx


class ManualInputs(ActionBase):
    """Each entry is checked, recorded with who, when and why, and triggers a plan, in one transaction."""

    def reserve(
        self,
        by: Principal,
        contract_id: str,
        day_: date,
        power_w: tuple[int, ...],
        why: str,
        *,
        seen: str | None = None,
    ) -> Done:
        """Enter what a DSO still reserves, W per ISP, as its FlexReservationUpdate would, and ask for a plan.

        `seen`: the statement that the operator saw when entering this; a ConflictError if there is a newer one.
        """
        why, period, now = said_why(why), self._open_period(day_), self._clock.now()
        with self._store.transaction() as tx:
            contract = register.contract(tx, contract_id)
            if contract is None:
                raise InputError(f"there is no contract {contract_id!r}; import it with `agr import`")
            brps = self._brps_at(tx, by, [contract.congestion_point])
            by.must_act_for([contract.dso], f"contract {contract_id}", brps=brps)
            newest = _newest_word(tx, contract_id, day_)
            if seen is not None and seen != (newest.message_id if newest else ""):
                raise ConflictError(
                    f"the reservation under {contract_id} has changed meanwhile; look at it, then decide again"
                )
            self.check_reservation(contract, period, power_w)
            entry = self._record(tx, by, "reserve", f"{contract_id} {period}", why, in_words(power_w))
            # The operator knew the newest statement, even one with the TimeStamp of a clock that is ahead of ours.
            at = now if newest is None else max(now, newest.at + timedelta(microseconds=1))
            day.put_reservation(tx, contract_id, day_, power_w, f"by hand, log {entry}", at)
            largest = max((abs(p) for p in power_w), default=0)
            text = f"{by.name} entered {contract_id}: at most {largest / 1000:g} kW still reserved"
            self._ask(tx, period, f"{text} ({why})")
        self._wake()
        return Done(text=f"the reservation of {contract_id} is entered; a plan follows", entry=entry)

    @staticmethod
    def check_reservation(contract: Contract, period: Period, power_w: tuple[int, ...]) -> None:
        """Raise InputError unless every ISP has a value between 0 and what is contracted there."""
        contracted_w = contract.contracted_w(period)
        if len(power_w) != period.isp_count:
            raise InputError(f"{number_of(len(power_w), 'value')}; {period} has {period.isp_count} ISPs")
        wrong = [
            isp for isp, (p, c) in enumerate(zip(power_w, contracted_w, strict=True), 1)
            if not min(0, c) <= p <= max(0, c)
        ]  # fmt: skip
        if wrong:
            isp, given, allowed = wrong[0], power_w[wrong[0] - 1], contracted_w[wrong[0] - 1]
            raise InputError(
                f"ISP {isp} ({period.label(isp)}){f' and {len(wrong) - 1} more' if len(wrong) > 1 else ''}: "
                f"{given} W does not lie between 0 and what {contract.contract} has contracted there, {allowed} W"
            )

    def keep_share(self, contract_id: str, day_: date, share: float) -> tuple[int, ...]:
        """Return a share of what is contracted, W per ISP. Raises InputError."""
        if not 0 <= share <= 1:
            raise InputError(f"the share kept is between 0 and 100 %, not {share:.0%}")
        with self._store.transaction() as tx:
            contract = register.contract(tx, contract_id)
        if contract is None:
            raise InputError(f"there is no contract {contract_id!r}; import it with `agr import`")
        return tuple(round(p * share) for p in contract.contracted_w(self.period(day_)))

    def newest(self, contract_id: str, day_: date) -> str:
        """Return the origin of the statement about a contract that counts now; empty: as contracted."""
        with self._store.transaction() as tx:
            found = _newest_word(tx, contract_id, day_)
        return found.message_id if found else ""

    def make_unavailable(self, by: Principal, name: str, first: date, last: date, why: str) -> Done:
        """Plan without a resource, or without everything behind a connection, on some days; today from now on."""
        why, name = said_why(why), name.strip()
        self._open_period(last)
        if last < first:
            raise InputError(f"the last day ({last}) comes before the first ({first})")
        with self._store.transaction() as tx:
            known = register.load(tx).connection_of()
            if name not in known and name not in known.values():
                raise InputError(f"there is no resource or connection {name!r} in the register")
            self._act_for(tx, by, known.get(name, name), name)
            entry = overrides.mark_unavailable(tx, name, first, last, self._clock.now(), by.label, why)
            self._record(tx, by, "unavailable", name, why, f"{first} to {last}")
            self._plan_days(tx, first, last, f"{by.name}: {name} is unavailable ({why})")
        self._wake()
        return Done(
            text=f"{name} is unavailable from {first} to {last}; a plan follows where one was made", entry=entry
        )

    def make_available(self, by: Principal, entry: int, why: str) -> Done:
        """End an entry of what is unavailable."""
        why = said_why(why)
        with self._store.transaction() as tx:
            ended = overrides.available_again(tx, entry, self._clock.now())
            if ended is None:
                raise ConflictError(f"entry {entry} does not exist or has ended already")
            found = register_rows.named(tx, ended.name)
            self._act_for(tx, by, found[0].row.connection if found else ended.name, ended.name)
            self._record(tx, by, "available", ended.name, why)
            self._plan_days(tx, ended.first_day, ended.last_day, f"{by.name}: {ended.name} is available again")
        self._wake()
        return Done(text=f"{ended.name} is available again", entry=entry)

    def _plan_days(self, tx: Tx, first: date, last: date, text: str) -> None:
        for period in (self.today(), self.today().next()):
            if first <= period.day <= last:
                self._ask(tx, period, text)


def _newest_word(tx: Tx, contract_id: str, day_: date) -> day.ReservedStatement | None:
    """Return which statement about a contract counts in a Period; None where it is reserved as contracted."""
    return next((h for h in day.reservation_history(tx, day_) if h.contract == contract_id), None)
