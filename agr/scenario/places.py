"""Finds scenario folders by name, in the working folder and in the project."""

from pathlib import Path

from agr.domain.errors import InputError


def find_folder(name: str | Path) -> Path:
    """Return the folder of a scenario: a path, or a name below scenarios/ here or in the project. Raises InputError."""
    given = Path(name)
    if (given / "scenario.yaml").is_file():
        return given
    places = [place / given for place in scenario_places()]
    found = next((place for place in places if (place / "scenario.yaml").is_file()), None)
    if found is None:
        looked = ", ".join(str(place) for place in (given, *places))
        raise InputError(f"there is no scenario {str(name)!r}: looked for a scenario.yaml in {looked}")
    return found


def scenario_places() -> tuple[Path, ...]:
    """Return the folders in which scenarios are looked for by name."""
    shipped = Path(__file__).parents[2] / "scenarios"
    here = Path("scenarios")
    return (here,) if here.resolve() == shipped or not shipped.is_dir() else (here, shipped)


def all_folders() -> list[Path]:
    """Return every scenario folder that can be found by name."""
    found: dict[str, Path] = {}
    for place in scenario_places():
        for path in sorted(place.glob("*/scenario.yaml")) if place.is_dir() else ():
            found.setdefault(path.parent.name, path.parent)
    return [found[name] for name in sorted(found)]
