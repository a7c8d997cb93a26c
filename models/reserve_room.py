"""Reserve power that units hold, and the room in power and energy that their finished programs leave for it."""

from dataclasses import dataclass

import numpy as np

from models.arrays import constant_columns
from models.case import Case, Direction, Floats, Ints

SIDES = (Direction.UP, Direction.DOWN)


@dataclass(kw_only=True, eq=False)
class ReserveAllocation:
    """Units that hold reserve: their room per side (n,T) kW, energy margin per side (n,T) kWh at the connection."""

    held_kw: Floats  # (R,n,T)
    room_kw: dict[Direction, Floats]
    margin_kwh: dict[Direction, Floats]  # inf where energy does not bind

    def part(self, few: slice) -> "ReserveAllocation":
        """Return some units, in the same memory."""
        return ReserveAllocation(
            held_kw=self.held_kw[:, few],
            room_kw={side: values[few] for side, values in self.room_kw.items()},
            margin_kwh={side: values[few] for side, values in self.margin_kwh.items()},
        )

    def forget_rooms(self) -> None:
        """Release the room, and keep the reserve held."""
        self.room_kw, self.margin_kwh = {}, {}


def roomless(case: Case, held_kw: Floats, *, margins: bool) -> ReserveAllocation:
    """Return an allocation whose room is still to be filled in; without `margins`, energy never binds."""
    shape = held_kw.shape[1:]

    def tables() -> dict[Direction, Floats]:
        return {side: np.empty(shape, dtype=held_kw.dtype) for side in SIDES}

    endless = np.broadcast_to(np.array(np.inf, dtype=held_kw.dtype), shape)
    binds = margins and any(reserve.sustain_h > 0 for reserve in case.reserves)
    return ReserveAllocation(
        held_kw=held_kw, room_kw=tables(), margin_kwh=tables() if binds else dict.fromkeys(SIDES, endless)
    )


def wide_rows(values: Floats, units: Ints, isps: int) -> Floats:
    """Return the rows of some units (n,T) of values (U,T) or (U,1), whatever their strides."""
    return np.broadcast_to(constant_columns(values)[units], (len(units), isps))
