"""A configured folder with a key and a store, to be backed up and lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from agr.settings import Settings
from agr.store import day, register
from agr.store.engine import Store
from agr.uftp.signing import KeyPair
from tests.builders.postgres import emptied, locked_database
from tests.builders.worlds import NOW, World


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Settings, Path]]:
    if request.param == "sqlite":
        yield furnished(tmp_path, f"sqlite:///{tmp_path / 'agr.db'}")
    else:
        with locked_database(request.getfixturevalue("postgres")) as url:
            yield furnished(tmp_path, url)


@pytest.fixture
def file_house(tmp_path: Path) -> tuple[Settings, Path]:
    return furnished(tmp_path, f"sqlite:///{tmp_path / 'agr.db'}")


@pytest.fixture
def server_house(postgres: str, tmp_path: Path) -> Iterator[tuple[Settings, Path]]:
    with locked_database(postgres) as url:
        yield furnished(tmp_path, url)


def furnished(folder: Path, url: str) -> tuple[Settings, Path]:
    """A configured folder with a key and a store with two connections."""
    world = World(folder, store_url=url)
    settings = world.settings.model_copy(update={"store_url": url, "data_folder": folder / "data"})
    KeyPair.generate().save(settings.key_file)
    world.know_register()
    world.store.close()
    (folder / "agr.toml").write_text('domain = "agr.example"\n')
    return settings, folder / "agr.toml"


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    store = Store(settings.store_url)
    yield store
    store.close()


def alarms(settings: Settings) -> list[str]:
    with opened(settings) as store, store.transaction() as tx:
        return [a.text for a in day.open_alarms(tx)]


def alarm(settings: Settings, text: str) -> None:
    with opened(settings) as store, store.transaction() as tx:
        day.raise_alarm(tx, "kind", "subject", text, NOW)


def lose(settings: Settings) -> None:
    """Lose the store and the key."""
    settings.key_file.unlink()
    url = sa.make_url(settings.store_url)
    if url.get_backend_name() == "sqlite":
        folder = Path(str(url.database)).parent
        for left in folder.glob("agr.db*"):
            left.unlink()
    else:
        emptied(settings.store_url)


def connections(settings: Settings) -> list[str]:
    with opened(settings) as store, store.transaction() as tx:
        return [c.address for c in register.load(tx).connections]
