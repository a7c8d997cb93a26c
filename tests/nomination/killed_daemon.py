"""A daemon's part that nominates and delivers, and is killed: PYTHON -m … FOLDER URL MINUTES [die]."""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from agr.nomination.deliver import NominationDeliverer
from agr.nomination.nominate import Nominator
from agr.settings import Brp
from tests.builders.worlds import NOW, PERIOD, World


def main(folder: Path, url: str, minutes: int, *, dies: bool) -> None:
    """Nominate the plan in the folder's store, and deliver; its clock begins so many minutes after the day's start."""
    world = World(folder)
    world.clock.jump_to(NOW + timedelta(minutes=minutes))
    brp = Brp(name="one", url=f"{url}?pid={os.getpid()}", folder=folder / "e-programs")
    settings = world.settings.model_copy(update={"brps": (brp,)})
    parts = world.store, settings, world.clock
    Nominator(*parts).nominate(PERIOD)
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    NominationDeliverer(*parts).run_due()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), dies=len(sys.argv) > 4)
