"""The desk in the system's Chromium: what a person clicks and types, what axe finds, what the console says."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_visitor import serving
from ingest_fakes import png
from paid_pipeline import PLACES, outfit, put, run
from websockets.asyncio.client import connect

import likeness.cli.desk.state
from bench.browser import (
    AXE,
    OVERFLOW,
    RUN_AXE,
    SERIOUS,
    THEMES,
    WIDTHS,
    Tab,
    chromium,
    first_tab,
    wrong_events,
)
from likeness.cli.desk.pages import PAGES
from likeness.cli.desk.serve import DeskServer
from likeness.safety.by_hand import read_refused

ROOT = Path(__file__).parents[2]
AXES = (ROOT / AXE, ROOT / "gallery/web/node_modules/axe-core/axe.min.js")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium"),
]


@pytest.fixture
def server(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskServer]:
    mission = outfit(monkeypatch)
    monkeypatch.setattr(likeness.cli.desk.state, "PATIENCE_S", 60.0)
    put("sources/explicit.png", png(explicit=95, seed=90))
    run(mission, "ingest", "swap", "resize", "enhance", "caption")
    with serving() as server:
        yield server


class Page:
    """One tab that opened the link."""

    def __init__(self, tab: Tab, server: DeskServer) -> None:
        self.tab, self.root = tab, f"http://127.0.0.1:{server.server_port}"

    async def go(self, address: str) -> None:
        self.tab.events.clear()
        await self.tab.call("Page.navigate", url=address)
        await self.tab.until("Page.loadEventFired")

    async def submits(self, script: str) -> None:
        """Run a script that sends a form, and wait for the page that comes."""
        self.tab.events.clear()
        await self.tab.value(script)
        await self.tab.until("Page.loadEventFired")


async def opened(url: str, server: DeskServer, work) -> None:
    async with asyncio.timeout(300), connect(url, max_size=None) as socket:
        tab = Tab(socket)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await tab.call(f"{domain}.enable")
        page = Page(tab, server)
        await page.go(server.link)
        await work(page)


def with_page(server: DeskServer, work) -> None:
    with chromium() as browser:
        asyncio.run(opened(asyncio.run(first_tab(browser)), server, work))


def test_a_person_refuses_and_accepts_writes_a_caption_and_swaps_a_pair(server):
    first = "document.querySelector('.tile:has(img)')"

    async def work(page: Page) -> None:
        assert await page.tab.value("location.pathname") == "/jade/photographs"
        assert await page.tab.value("document.querySelectorAll('.tile').length") == 13
        assert await page.tab.value("document.querySelectorAll('.none').length") == 1  # the explicit one
        await page.submits(
            f"{first}.querySelector('summary').click(); const field = {first}.querySelector('[name=why]');"
            f"field.value = \"it's dark\"; field.dispatchEvent(new Event('input', {{bubbles: true}}));"
            f"window.name = {first}.querySelector('.command code').textContent; {first}.querySelector('form button').click()"
        )
        assert (await page.tab.value("window.name")).endswith("""--why 'it'"'"'s dark'""")
        assert [one.why for one in read_refused(PLACES.refused).values()] == ["it's dark"]
        await page.submits(f"{first}.querySelector('form button').click()")
        assert not PLACES.refused.exists()
        await page.go(f"{page.root}/jade/captions")
        words = await page.tab.value("document.querySelector('textarea').value")
        assert words in await page.tab.value("document.querySelector('.card .command code').textContent")
        await page.submits(
            "document.querySelector('textarea').value = 'jade woman, anew';"
            "document.querySelector('.buttons button').click()"
        )
        assert [path.read_text() for path in PLACES.captions_override.glob("*.txt")] == ["jade woman, anew\n"]
        await page.go(f"{page.root}/jade/pair")
        await page.submits(
            "for (const one of document.querySelectorAll('.pick input, .agree input')) one.click();"
            "document.querySelector('.buttons button').click()"
        )
        assert await page.tab.value("document.querySelectorAll('.three img').length") == 3
        assert wrong_events(page.tab.events)[0] == []

    with_page(server, work)


def test_no_page_has_a_serious_fault_or_scrolls_sideways(server):
    axe = next((path for path in AXES if path.is_file()), None)

    async def work(page: Page) -> None:
        for width in WIDTHS:
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
            await page.tab.call("Emulation.setDeviceMetricsOverride", **size)
            for theme in THEMES:
                features = [{"name": "prefers-color-scheme", "value": theme}]
                await page.tab.call("Emulation.setEmulatedMedia", features=features)
                for name in (*PAGES, "photographs?show=out"):
                    await page.go(f"{page.root}/jade/{name}")
                    where = f"{name} at {width} px, {theme}"
                    await page.tab.value(
                        "document.querySelectorAll('details').forEach(one => one.open = true)"
                    )
                    assert await page.tab.value(OVERFLOW) <= 0, where
                    if axe is not None:
                        await page.tab.value(axe.read_text(encoding="utf-8"))
                        found = json.loads(await page.tab.value(RUN_AXE))
                        assert [one for one in found if one["impact"] in SERIOUS] == [], where
                    errors, requests = wrong_events(page.tab.events)
                    assert errors == [], where
                    assert [url for url in requests if not url.startswith(page.root)] == [], where

    with_page(server, work)
    if axe is None:
        pytest.skip("axe-core is not here (npm ci in gallery/web, or python -m bench.browser): the rest held")
