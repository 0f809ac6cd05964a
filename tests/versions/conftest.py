"""A real DVC graph of small manifests: three commits, and one experiment."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STAGES = ("ingested", "swapped", "resized", "enhanced", "captions", "lora_training")
NAMES = ("ingest", "swap", "resize", "enhance", "caption", "dataset")

# Every stage writes the manifest that story.json has for it; params.yaml has its settings.
PROGRAM = """
import json, pathlib, sys
folder, name = sys.argv[1:]
story = json.loads(pathlib.Path("story.json").read_text())[name]
out = pathlib.Path(folder)
(out / "train").mkdir(parents=True)
for file in ("manifest", "failures"):
    (out / f"{file}.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in story[file]))
for line in story["manifest"]:
    path = out / line["file"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line["bytes"])
"""


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def line(name, *, content, text=None, parents=(), origin=None, folder="", suffix=".jpg", **more):
    parts = name.split("-")[1:]
    return {
        "id": name, "file": f"{folder}{name}{suffix}", "sha256": sha256(content), "bytes": content, "text": text,
        "source": next((p for p in parts if p[0] == "s"), None), "parents": list(parents), "origin": origin,
        "target": next((p for p in parts if p[0] == "t"), None), "provider": "local", **more,
    }  # fmt: skip


def story(pairs, *, captions=None, failures=None, pixels="", photos=("s1", "t1", "t2")):
    """What each folder holds; every picture's parents are right down to its photographs."""
    captions, failures = captions or {}, failures or {}
    told = {}
    photo = {p: line(f"jade-{p}", content=p, origin=f"{p}.jpg") for p in photos}
    told["ingested"] = list(photo.values())
    before = {pair: [photo[p]["sha256"] for p in pair.split("-")] for pair in pairs}
    for folder in STAGES[1:]:
        lines = []
        for pair in pairs:
            content = f"{folder} {pair} {pixels if folder not in ('swapped', 'resized') else ''}"
            text = captions.get(pair, f"jade woman, {pair}") if folder in STAGES[4:] else None
            lines.append(
                line(f"jade-{pair}", content=text if folder == "captions" else content, text=text, parents=before[pair],
                     folder="train/" if folder == "lora_training" else "")
            )  # fmt: skip
            if folder != "captions":
                before[pair] = [lines[-1]["sha256"]]
        told[folder] = lines
    return {name: {"manifest": told[name], "failures": failures.get(name, [])} for name in STAGES}


class Repository:
    """A folder in which git and DVC run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("DVC_")}

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def version(self, told, settings, title):
        (self.folder / "story.json").write_text(json.dumps(told))
        (self.folder / "params.yaml").write_text(json.dumps(settings))
        self.run(sys.executable, "-m", "dvc", "repro", "-q")
        self.run("git", "add", "-A")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", title)


SETTINGS = {"ingest": {"min_face_px": 60}, "swap": {"pairs": "best"}, "resize": {"side_px": 1024},
            "enhance": {"provider": {"quality": 90}}, "caption": {"words": 30}, "dataset": {"side_px": 512}}  # fmt: skip


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    told = Repository(folder)
    (folder / "program.py").write_text(PROGRAM)
    stages = {}
    for name, out in zip(NAMES, STAGES, strict=True):
        path = f"models/jade/{out}" if out == "lora_training" else f"data/jade/{out}"
        stages[name] = {"foreach": ["jade"], "do": {"cmd": f"{sys.executable} program.py {path} {out}",
                        "deps": ["story.json", "likeness/code.py"], "params": [name], "outs": [path]}}  # fmt: skip
    (folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    (folder / "likeness").mkdir()
    (folder / "likeness" / "code.py").write_text("one\n")
    told.run("git", "init", "-q")
    told.run(sys.executable, "-m", "dvc", "init", "-q")
    told.version(story(("s1-t1", "s1-t2")), SETTINGS, "first")
    told.run("git", "tag", "v1")
    # A caption of another length, another enlargement of nothing, and t2's face is too small now.
    refused = {"id": "jade-t2", "source": None, "target": "t2", "origin": "t2.jpg", "kind": "refused",
               "reason": "face-too-small", "detail": "80 px, 100 needed", "remedy": "another photo"}  # fmt: skip
    told.version(
        story(("s1-t1",), captions={"s1-t1": "jade woman, short"}, photos=("s1", "t1"), failures={"ingested": [refused]}),
        {**SETTINGS, "ingest": {"min_face_px": 100}, "caption": {"words": 10}}, "second",
    )  # fmt: skip
    told.run("git", "tag", "v2")
    told.version(
        story(("s1-t1", "s1-t3"), captions={"s1-t1": "jade woman, short"}, pixels="sharper", photos=("s1", "t1", "t3")),
        {**SETTINGS, "ingest": {"min_face_px": 100}, "caption": {"words": 10}, "enhance": {"provider": {"quality": 95}}},
        "third",
    )  # fmt: skip
    return told
