"""Reserve power that units hold, and the room in power and energy that their finished programs leave for it."""

from dataclasses import dataclass

import numpy as np

from models.arrays import constant_columns
from models.case import Direction, Floats, Ints

SIDES = (Direction.UP, Direction.DOWN)


@dataclass(kw_only=True, eq=False)
class ReserveAllocation:
    """Units that hold reserve, with their room in power and energy per side, (n,T) kW and kWh.

    Energy is what the store has above the least, or below the most, with which the unit can still meet all it owes.
    """

    held_kw: Floats  # (R,n,T)
    room_kw: dict[Direction, Floats]
    begin_kwh: dict[Direction, Floats]  # at the start of the ISP; inf where it does not count
    end_kwh: dict[Direction, Floats]  # at its end; inf where energy does not bind
    per_kw: Floats  # (n,T) stored energy, kWh, that a kW of reserve takes or adds in an hour

    def part(self, few: slice) -> "ReserveAllocation":
        """Return some units, in the same memory."""
        rooms = (self.room_kw, self.begin_kwh, self.end_kwh)
        room, begin, end = ({side: values[few] for side, values in some.items()} for some in rooms)
        return ReserveAllocation(
            held_kw=self.held_kw[:, few], room_kw=room, begin_kwh=begin, end_kwh=end, per_kw=self.per_kw[few]
        )

    def forget_rooms(self) -> None:
        """Release the room, and keep the reserve held."""
        self.room_kw, self.begin_kwh, self.end_kwh, self.per_kw = {}, {}, {}, np.zeros((0, 0))


def roomless(held_kw: Floats, *, margins: bool) -> ReserveAllocation:
    """Return an allocation of held_kw (R,n,T) without its room yet; without `margins`, energy never binds."""
    shape = held_kw.shape[1:]

    def tables() -> dict[Direction, Floats]:
        return {side: np.empty(shape, dtype=held_kw.dtype) for side in SIDES}

    def everywhere(value: float) -> Floats:
        return np.broadcast_to(np.array(value, dtype=held_kw.dtype), shape)

    endless = dict.fromkeys(SIDES, everywhere(np.inf))
    return ReserveAllocation(
        held_kw=held_kw,
        room_kw=tables(),
        begin_kwh=tables() if margins else endless,
        end_kwh=tables() if margins else endless,
        per_kw=np.empty(shape, dtype=held_kw.dtype) if margins else everywhere(1.0),
    )


def wide_rows(values: Floats, units: Ints, isps: int) -> Floats:
    """Return the rows of some units (n,T) of values (U,T) or (U,1), whatever their strides."""
    return np.broadcast_to(constant_columns(values)[units], (len(units), isps))
