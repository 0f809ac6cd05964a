"""docs/detect.html: reads the marks of our own files, without a network."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from likeness.images import encode_jpeg, encode_png
from likeness.marks.keys import development_key
from likeness.marks.pictures import Origin, mark_picture
from likeness.marks.xmp import SourceType

PAGE = Path(__file__).parents[2] / "docs/detect.html"
RGB = np.full((64, 64, 3), 90, np.uint8)


def test_it_can_reach_no_network():
    text = PAGE.read_text()
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="', text)


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the page's script")
@pytest.mark.parametrize("encode", [encode_jpeg, encode_png])
def test_its_script_reads_our_marks_and_none_of_an_unmarked_picture(encode, tmp_path):
    origin = Origin(code=SourceType.TRAINED, statement={})
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
    assert said["XMP"].startswith("trainedAlgorithmicMedia")
    assert said["C2PA"].startswith("trainedAlgorithmicMedia")
    assert said["likeness"] == "the C2PA statement is one of likeness"
    assert bare.startswith("No mark found")
