"""docs/detect.html: reads the marks of our own files, without a network."""

import base64
import contextlib
import hashlib
import http.client
import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.sync.client import connect

from likeness.images import encode_jpeg, encode_png
from likeness.marks.keys import development_key
from likeness.marks.pictures import Origin, mark_picture
from likeness.marks.xmp import SourceType

PAGE = Path(__file__).parents[2] / "docs/detect.html"
RGB = np.full((64, 64, 3), 90, np.uint8)


def test_it_can_reach_no_network():
    text = PAGE.read_text()
    script = re.search(r"<script>(.*)</script>", text, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{digest}';" in text  # and no other script
    assert not re.search(r'(?:src|href)="', text)


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the page's script")
@pytest.mark.parametrize("encode", [encode_jpeg, encode_png])
@pytest.mark.parametrize("code", [SourceType.TRAINED, SourceType.COMPOSITE_SYNTHETIC])
def test_its_script_reads_our_marks_and_none_of_an_unmarked_picture(encode, code, tmp_path):
    origin = Origin(code=code, statement={})
    key = development_key(tmp_path / "k")
    (tmp_path / "marked").write_bytes(mark_picture(encode(RGB), "x", origin, mark="00000001", key=key))
    (tmp_path / "cut").write_bytes((tmp_path / "marked").read_bytes()[:300])
    (tmp_path / "bare").write_bytes(encode(RGB))
    script = re.search(r"<script>(.*)</script>", PAGE.read_text(), re.S)
    assert script is not None
    program = (
        script[1]
        + """
    row = (list, name, value) => list.push([name, value]);
    const fs = require("fs");
    console.log(JSON.stringify(["marked", "cut", "bare"].map((name) => {
      const list = [];
      return [describe(new Uint8Array(fs.readFileSync(name)), list), list];
    })));
    """
    )
    program = program.replace("function row(", "var row = function (").replace('"use strict";', "", 1)
    (tmp_path / "page.js").write_text(program)
    done = subprocess.run(["node", "page.js"], cwd=tmp_path, capture_output=True, text=True, check=True)
    (marked, rows), _, (bare, _) = json.loads(done.stdout)
    assert marked.startswith("Says that it is wholly or partly made by AI")
    said = dict(rows)
    assert said["XMP"].startswith(f"{code.value}: ")
    assert said["C2PA"] == said["XMP"]
    assert "Note" not in said
    assert said["likeness"] == "the C2PA statement is one of likeness"
    assert bare.startswith("No mark found")


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT_S = 60.0  # the machine may be busy


class Tab:
    """A page in a headless browser, by the DevTools protocol (chromedevtools.github.io/devtools-protocol, read 2026-11)."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv(timeout=WAIT_S))).get("id") != number:
            pass
        return answer["result"]

    def value(self, script: str) -> Any:
        said = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return said["result"].get("value")

    def choose(self, *files: Path) -> None:
        until(
            lambda: self.value(
                "(document.readyState === 'complete' && document.getElementById('files') && true) || null"
            )
        )
        found = self.call("Runtime.evaluate", expression="document.getElementById('files')")["result"]
        self.call("DOM.setFileInputFiles", objectId=found["objectId"], files=[str(path) for path in files])

    def verdicts(self, count: int) -> dict[str, str]:
        script = """Object.fromEntries([...document.querySelectorAll("#results article")].map(
            (one) => [one.querySelector("h3").textContent, one.textContent]))"""
        return until(lambda: found if len(found := self.value(script)) == count else None)


def until(ask: Any) -> Any:
    deadline = time.monotonic() + WAIT_S
    while (found := ask()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)  # polling another program
    return found


@contextlib.contextmanager
def opened(page: Path, folder: Path) -> Iterator[Tab]:
    """The page as a double click opens it, in a browser that resolves no name."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}",
               "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-port=0", page.as_uri()]  # fmt: skip
    port_file = folder / "DevToolsActivePort"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            port = until(lambda: int(port_file.read_text().split()[0]) if port_file.is_file() else None)
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as asked:
                asked.request("GET", "/json")
                pages = [one for one in json.load(asked.getresponse()) if one["url"].startswith("file:")]
            with connect(pages[0]["webSocketDebuggerUrl"], max_size=None) as socket:
                yield Tab(socket)
        finally:
            browser.terminate()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_opened_from_disk_in_a_browser_it_tells_a_marked_picture_from_an_unmarked_one(tmp_path):
    page = shutil.copy(PAGE, tmp_path / "detect.html")
    key = development_key(tmp_path / "k")
    origin = Origin(code=SourceType.TRAINED, statement={})
    for name, data in (("marked.jpg", encode_jpeg(RGB)), ("marked.png", encode_png(RGB))):
        (tmp_path / name).write_bytes(mark_picture(data, "x", origin, mark="00000001", key=key))
    (tmp_path / "bare.jpg").write_bytes(encode_jpeg(RGB))
    (tmp_path / "text.txt").write_bytes(b"<script>window.ran = 1</script>")
    names = ("marked.jpg", "marked.png", "bare.jpg", "text.txt")
    with opened(page, tmp_path / "browser") as tab:
        tab.choose(*(tmp_path / name for name in names))
        said = tab.verdicts(len(names))
        reached = tab.value("fetch('http://127.0.0.1:9/').then(() => 'reached', (error) => String(error))")
        blocked = tab.value("""new Promise((done) => {
            document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
            document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/a.png'})); })""")
        assert tab.value("window.ran") is None
    for name in names[:2]:
        assert "Says that it is wholly or partly made by AI" in said[name]
        assert "the C2PA statement is one of likeness" in said[name]
    assert "No mark found" in said["bare.jpg"]
    assert "cannot read this kind" in said["text.txt"]
    assert (reached.startswith("TypeError"), blocked) == (True, "img-src")
