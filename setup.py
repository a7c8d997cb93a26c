"""Puts the shipped scenarios into the wheel; everything else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithScenarios(build_py):
    """Copies scenarios/, which lies beside the packages, to where an installed agr looks for it."""

    def run(self) -> None:
        """Build the packages, then add the scenarios; an editable install finds them in the project."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "agr" / "scenario" / "shipped"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(Path(__file__).parent / "scenarios", target)


setup(cmdclass={"build_py": WithScenarios})
