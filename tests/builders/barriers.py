"""What axe-core finds on a page: barriers for people who do not see or point as others do."""

from pathlib import Path
from typing import Any

AXE = Path(__file__).parents[2] / ".ci" / "node_modules" / "axe-core" / "axe.min.js"


def barriers(page: Any) -> list[str]:
    """Return the barriers on a page that bypasses its content security policy; none where axe-core is not installed."""
    if not AXE.is_file():
        return []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations'], selectors: false})")
    return [f"{v['id']} {v['nodes'][0]['html'][:150]}" for v in found["violations"]]
