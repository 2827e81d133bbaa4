"""A real browser, Debian's Chromium, and what it noticed: complaints of pages, and requests to elsewhere."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Route, async_playwright

from tests.e2e.packages import install

PROGRAM = "chromium"
PATIENCE = 15_000  # milliseconds that a page may take to show what is looked for


@dataclass
class Visit:
    """One person's browser, looking at one console; nothing that it asks of elsewhere leaves."""

    page: Page
    console: str
    complaints: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    async def _stay(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.scheme in ("data", "blob", "about") or url.netloc == urlsplit(self.console).netloc:
            await route.continue_()
        else:
            self.strays.append(route.request.url)
            await route.abort()

    async def begin(self) -> None:
        """Begins to watch."""
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        await self.page.context.route("**/*", self._stay)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Chromium, without a window."""
    await install({PROGRAM: "chromium"})
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which(PROGRAM))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def a_visit(browser: Browser, console: str, **options: Any) -> AsyncIterator[Visit]:
    """A new person's browser; `options` are those of Playwright, as `java_script_enabled` or `viewport`."""
    context = await browser.new_context(**options)
    try:
        visit = Visit(await context.new_page(), console)
        await visit.begin()
        yield visit
    finally:
        await context.close()
