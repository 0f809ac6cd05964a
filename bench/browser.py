"""A page of likeness in the system's headless Chromium: `python -m bench.browser PAGE.html [--shots FOLDER]`.

In both themes, at 360 and 1400 px: errors on the console, requests, what axe-core finds (every `details` open), whether the page is
wider than its window, pictures, milliseconds from navigation to load, pages of a print. Needs chromium, and npm once, for axe-core.
Exit status 1 where something is wrong.

Sources: https://chromedevtools.github.io/devtools-protocol/ and https://github.com/dequelabs/axe-core (API: axe.run), read 2026-11.
"""

import argparse
import asyncio
import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

AXE = Path(".cache/browser/node_modules/axe-core/axe.min.js")
WIDTHS, THEMES = (360, 1400), ("light", "dark")
START_S, LOAD_S = 30.0, 60.0
SERIOUS = ("serious", "critical")
RUN_AXE = (
    "axe.run().then(r => JSON.stringify(r.violations.map(v => ({id: v.id, impact: v.impact, nodes: v.nodes.length, \
first: v.nodes[0].html.slice(0, 160)}))))"
)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LOADED_MS = "Math.round(performance.getEntriesByType('navigation')[0].loadEventEnd)"


class Tab:
    """A page of the browser, by its protocol; `events` are those that came."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0
        self.events: list[dict[str, Any]] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A method's result."""
        self._number += 1
        await self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while (answer := json.loads(await self._socket.recv())).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    async def until(self, event: str) -> None:
        """Wait for an event."""
        while not any(one.get("method") == event for one in self.events):
            self.events.append(json.loads(await self._socket.recv()))

    async def value(self, expression: str) -> Any:
        """What an expression is on the page."""
        found = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"])[:400])
        return found["result"].get("value")


def wrong_events(events: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Errors on the console, and addresses that were asked for."""
    errors = [str(one["params"])[:300] for one in events if one.get("method") in ("Runtime.exceptionThrown",)]
    for one in events:
        entry = one.get("params", {}).get("entry", {})
        if one.get("method") == "Log.entryAdded" and entry.get("level") == "error":
            errors.append(entry["text"][:300])
        if one.get("method") == "Runtime.consoleAPICalled" and one["params"]["type"] == "error":
            errors.append(str(one["params"]["args"])[:300])
    sent = [
        one["params"]["request"]["url"] for one in events if one.get("method") == "Network.requestWillBeSent"
    ]
    return errors, [url[:120] for url in sent if not url.startswith(("data:", "file:"))]


async def look(socket_url: str, page: Path, width: int, theme: str, shots: Path | None) -> dict[str, Any]:
    """One look at the page."""
    async with asyncio.timeout(LOAD_S), connect(socket_url, max_size=None) as socket:
        tab = Tab(socket)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await tab.call(f"{domain}.enable")
        await tab.call("Network.clearBrowserCache")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        await tab.call("Emulation.setDeviceMetricsOverride", **size)
        await tab.call(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}]
        )
        tab.events.clear()
        await tab.call("Page.navigate", url=page.resolve().as_uri())
        await tab.until("Page.loadEventFired")
        found: dict[str, Any] = {"width": width, "theme": theme, "load_ms": await tab.value(LOADED_MS)}
        found["pictures"] = await tab.value("document.images.length")
        printed = await tab.call("Page.printToPDF")
        found["print_pages"] = len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"])))
        found["overflow_px"] = await tab.value(OVERFLOW)
        await tab.value("document.querySelectorAll('details').forEach(one => one.open = true)")
        await tab.value(AXE.read_text(encoding="utf-8"))
        found["axe"] = json.loads(await tab.value(RUN_AXE))
        found["sorts"] = await tab.value(SORT)
        found["errors"], found["requests"] = wrong_events(tab.events)
        if shots:
            await tab.value("document.querySelectorAll('details').forEach(one => one.open = false)")
            for name, beyond in (("first", False), ("whole", True)):
                shot = await tab.call("Page.captureScreenshot", format="png", captureBeyondViewport=beyond)
                (shots / f"{page.stem}-{width}-{theme}-{name}.png").write_bytes(
                    base64.b64decode(shot["data"])
                )
        return found


SORT = """(() => {
  const button = document.querySelectorAll("table.sortable th button")[2];
  if (!button) return null;
  const names = () => [...button.closest("table").tBodies[0].rows].map(row => row.cells[2].dataset.sort);
  button.click(); const down = names(); button.click(); return [down, names()];
})()"""
"""The third column of the first table that sorts, down and then up; null where there is none."""


@contextmanager
def chromium() -> Generator[str]:
    """The address of the browser's first tab."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("bench.browser: there is no chromium; `apt-get install chromium`")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
        ]
        running = subprocess.Popen([program, *options, "about:blank"], stderr=subprocess.PIPE, text=True)
        try:
            assert running.stderr is not None
            line = next(line for line in running.stderr if "DevTools listening on" in line)
            yield line.rpartition(" ")[2].strip()
        finally:
            running.terminate()
            running.communicate(timeout=10)


async def first_tab(browser: str) -> str:
    """The address of a tab's protocol."""
    async with connect(browser) as socket:
        tab = Tab(socket)
        made = await tab.call("Target.createTarget", url="about:blank")
    return f"{browser.partition('/devtools/')[0]}/devtools/page/{made['targetId']}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path)
    parser.add_argument("--shots", type=Path, help="a folder for screenshots")
    chosen = parser.parse_args()
    if not AXE.is_file():
        AXE.parents[2].mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "axe-core"],
            cwd=AXE.parents[2],
            check=True,
        )
    if chosen.shots:
        chosen.shots.mkdir(parents=True, exist_ok=True)
    wrong = False
    with chromium() as browser:
        for width in WIDTHS:
            for theme in THEMES:
                tab = asyncio.run(first_tab(browser))
                found = asyncio.run(look(tab, chosen.page, width, theme, chosen.shots))
                serious = [one for one in found["axe"] if one["impact"] in SERIOUS]
                wrong |= bool(found["errors"] or found["requests"] or serious or found["overflow_px"] > 0)
                sys.stdout.write(json.dumps(found) + "\n")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
