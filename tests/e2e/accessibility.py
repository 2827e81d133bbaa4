"""What everybody must be able to use: themes to see a page in, its screenshot, and the barriers on it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe

from tests.e2e.browser import Visit

THEMES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
HARMFUL = ("serious", "critical")
SCREENSHOTS = Path("output/pages")


async def barriers_on(visit: Visit, theme: str, paths: Mapping[str, str]) -> dict[str, list[str]]:
    """Open each page, save its screenshot under its name, and return the barriers on it."""
    found = {}
    for name, path in paths.items():
        await visit.page.goto(visit.console + path)
        await save_screenshot(visit, SCREENSHOTS / f"{name}-{theme}.png")
        found[name] = await barriers(visit)
    return found


async def save_screenshot(visit: Visit, path: Path) -> None:
    """Capture the whole page in a window as high, because sandboxed frames stay blank outside the window."""
    window = visit.page.viewport_size
    assert window
    height = await visit.page.evaluate("document.documentElement.scrollHeight")
    await visit.page.set_viewport_size({"width": window["width"], "height": max(height, window["height"])})
    await visit.page.screenshot(path=path)
    await visit.page.set_viewport_size(window)


async def barriers(visit: Visit) -> list[str]:
    """Return the serious and critical findings of axe, and whether the page is wider than the window."""
    found = (await Axe().run(visit.page)).response["violations"]
    harmful = [
        f"{each['id']}: {json.dumps([node['html'] for node in each['nodes']][:3])}"
        for each in found
        if each["impact"] in HARMFUL
    ]
    width = await visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*harmful, *(["wider than the window"] if width > 0 else [])]
