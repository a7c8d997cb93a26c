"""Finds scenario folders by name: in the working folder, and those that come with agr."""

from pathlib import Path

from agr.domain.errors import InputError


def find_folder(name: str | Path) -> Path:
    """Return a scenario's folder: a path, a name below scenarios/ here, or a shipped one's. Raises InputError."""
    given = Path(name)
    if (given / "scenario.yaml").is_file():
        return given
    places = [place / given for place in scenario_places()]
    found = next((place for place in places if (place / "scenario.yaml").is_file()), None)
    if found is None:
        looked = ", ".join(str(place) for place in (given, *places))
        raise InputError(f"there is no scenario {str(name)!r}: looked for a scenario.yaml in {looked}")
    return found


def shipped_scenarios() -> Path:
    """Return the folder of the scenarios that come with agr: the wheel's or, where agr is not built, the project's.

    The wheel's come first, since any project may lie around a folder into which agr was installed.
    """
    built = Path(__file__).parent / "shipped"
    return built if built.is_dir() else Path(__file__).parents[2] / "scenarios"


def scenario_places() -> tuple[Path, ...]:
    """Return the folders in which scenarios are looked for by name."""
    shipped, here = shipped_scenarios(), Path("scenarios")
    return (here,) if here.resolve() == shipped or not shipped.is_dir() else (here, shipped)


def all_folders() -> list[Path]:
    """Return every scenario folder that can be found by name."""
    found: dict[str, Path] = {}
    for place in scenario_places():
        for path in sorted(place.glob("*/scenario.yaml")) if place.is_dir() else ():
            found.setdefault(path.parent.name, path.parent)
    return [found[name] for name in sorted(found)]
