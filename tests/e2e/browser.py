"""A real browser, Debian's Chromium, that records console messages and requests to other hosts."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Route, async_playwright

from tests.e2e.packages import install

PROGRAM = "chromium"
PATIENCE = 15_000  # milliseconds that a page may take to show an element


@dataclass
class Visit:
    """A browser of one user at one console; requests to other hosts are recorded and aborted."""

    page: Page
    console: str
    complaints: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    async def _intercept(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.scheme in ("data", "blob", "about") or url.netloc == urlsplit(self.console).netloc:
            await route.continue_()
        else:
            self.strays.append(route.request.url)
            await route.abort()

    async def begin(self) -> None:
        """Start recording."""
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._record)
        await self.page.context.route("**/*", self._intercept)

    def _record(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Launch headless Chromium."""
    await install({PROGRAM: "chromium"})
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which(PROGRAM))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def a_visit(browser: Browser, console: str, **options: Any) -> AsyncIterator[Visit]:
    """Open a new browser context; `options` are Playwright's, such as `java_script_enabled` or `viewport`."""
    context = await browser.new_context(**options)
    try:
        visit = Visit(await context.new_page(), console)
        await visit.begin()
        yield visit
    finally:
        await context.close()
