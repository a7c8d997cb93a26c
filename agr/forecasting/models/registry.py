"""All models by name; a new one is added here. How to: docs/how-to/forecast.md."""

from collections.abc import Mapping
from dataclasses import dataclass

from agr.domain.errors import InputError
from agr.domain.faults import meant
from agr.forecasting.days import Days
from agr.forecasting.models.boosting import Boosting
from agr.forecasting.models.by_weather import ByWeather
from agr.forecasting.models.lear import Lear
from agr.forecasting.models.naive import AlikeDays, HalfAndHalf, Naive
from agr.forecasting.models.protocols import Fitted, Floats, ForecastModelError, Model

GIVEN = "given"
"""Name of the model in runs that users give."""


@dataclass(frozen=True)
class MeanOf:
    """The mean of several models; one that cannot learn is left out, and `missing` says why."""

    members: tuple[Model, ...]
    name: str = "mean of LightGBM and LEAR"

    @property
    def least_days(self) -> int:
        """The most that a member needs."""
        return max(member.least_days for member in self.members)

    def fit(self, known: Days, lead: int) -> "FittedMean":
        """Let each member learn. Raises ModelError when none can."""
        learned, missing = [], []
        for member in self.members:
            try:
                learned.append((member.name, member.fit(known, lead)))
            except ForecastModelError as error:
                missing.append((member.name, str(error)))
        if not learned:
            raise ForecastModelError("; ".join(f"{name}: {why}" for name, why in missing))
        return FittedMean(tuple(learned), tuple(missing))


@dataclass(frozen=True, eq=False)
class FittedMean:
    """Members that have learned, and why others have not."""

    learned: tuple[tuple[str, Fitted], ...]
    missing: tuple[tuple[str, str], ...]

    def __call__(self, known: Days, lead: int) -> Floats:
        """Return the mean of the members' forecasts."""
        total = self.learned[0][1](known, lead)
        for _, fitted in self.learned[1:]:
            total = total + fitted(known, lead)
        return total / len(self.learned)


MODELS: Mapping[str, Model] = {
    one.name: one
    for one in (Naive(), HalfAndHalf(), AlikeDays(), ByWeather(), Lear(), Boosting(), MeanOf((Boosting(), Lear())))
}  # fmt: skip
"""Name → model."""
BEST = "mean of LightGBM and LEAR"
NAIVE = "naive"
ALIKE = "alike days"
BY_WEATHER = "alike days by weather"


def model(name: str) -> Model:
    """Return a model by its name. Raises InputError."""
    if name not in MODELS:
        raise InputError(f"{name!r} is not a forecast model; {meant(name, sorted(MODELS))}")
    return MODELS[name]
