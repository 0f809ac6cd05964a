"""likeness.versions.changes on made-up revisions."""

import gc
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace

import pytest

from likeness.cli.diff import diff_command
from likeness.paths import PersonaPaths
from likeness.versions.changes import difference


class Made:
    """A revision whose training set has these pairs; of its target's other pairs so many are out of range."""

    def __init__(self, *pairs: str, skipped: int) -> None:
        entries = {f"jade-{pair}": self.entry(pair) for pair in pairs}
        line = {"id": "jade-t1", "target": "t1", "kind": "skipped", "reason": "yaw-difference",
                "detail": f"{skipped} sources, of which s2 is the nearest", "items": skipped}  # fmt: skip
        self.folders = {"lora_training": (entries, []), "swapped": (entries, [line] if skipped else [])}

    @staticmethod
    def entry(pair: str) -> dict[str, str]:
        source, target = pair.split("-")
        return {"id": f"jade-{pair}", "sha256": pair, "source": source, "target": target}

    paths = PersonaPaths("jade")
    name = "v1"
    outs: Mapping[str, str] = MappingProxyType({})

    def folder(self, name: str) -> SimpleNamespace:
        entries, failures = self.folders.get(name, ({}, []))
        return SimpleNamespace(entries=entries, failures=failures)

    def photo(self, label: str) -> dict[str, str]:
        return {"id": f"jade-{label}", "sha256": label}

    def settings(self, stage: str) -> dict[str, str]:
        return {}

    def programs(self, stage: str) -> dict[str, str]:
        return {}


def cause(old: Made, new: Made) -> str:
    (change,) = difference(old, new).changes
    return change.cause


def test_a_pair_that_went_is_told_by_its_targets_line_where_that_stands_for_more_pairs_now():
    line = "swap skipped jade-t1 (yaw-difference, 3 sources, of which s2 is the nearest)"
    assert cause(Made("s1-t1", "s2-t1", skipped=2), Made("s1-t1", skipped=3)) == line
    assert "chosen anew" in cause(Made("s1-t1", "s2-t1", skipped=3), Made("s1-t1", skipped=3))


def test_a_pair_that_came_is_told_by_the_line_that_stood_for_more_pairs_before():
    told = cause(Made("s1-t1", skipped=3), Made("s1-t1", "s2-t1", skipped=2))
    assert told == "swap skipped jade-t1 before (yaw-difference)"


def test_a_photograph_that_was_replaced_is_told_before_the_programs_that_differ_too():
    old, new = Made("s1-t1", "s2-t1", skipped=0), Made("s1-t1", "s2-t1", skipped=0)
    for revision, digest in ((old, "before"), (new, "after")):
        entries = revision.folder("lora_training").entries
        for entry in entries.values():
            entry["sha256"] += digest
        revision.photo = lambda label, digest=digest: {"id": label, "sha256": digest if label == "s1" else ""}
        revision.programs = lambda stage, digest=digest: {"likeness/swap": digest}
    replaced, drawn_anew = difference(old, new).changes
    assert (replaced.id, replaced.cause) == ("jade-s1-t1", "photograph s1 has other bytes")
    assert drawn_anew.cause == "swap: other code: likeness/swap"


def test_trainings_that_differ_in_settings_alone_name_the_next_command(monkeypatch, capsys):
    made = {}
    for name, lr in (("v1", 1e-4), ("workspace", 3e-4)):
        made[name] = one = Made("s1-t1", skipped=0)
        one.outs = {"models/jade/jade-v1.safetensors": name}
        one.settings = lambda stage, lr=lr: {"train": {"lr": lr}} if stage == "train" else {}
    monkeypatch.setattr("likeness.cli.diff.Revision", lambda name, persona: made[name])
    diff_command("v1", persona="jade")
    said = " ".join(capsys.readouterr().out.split())
    assert "the 1 pictures and captions of v1 and workspace are the same" in said
    assert "differ (train.lr 0.0001 -> 0.0003): `likeness compare v1 workspace --persona jade` says" in said
    made["workspace"].outs = made["v1"].outs
    assert difference(made["v1"], made["workspace"]).training == ""
    made["workspace"].outs = {}
    assert difference(made["v1"], made["workspace"]).training == ""


def test_a_folder_that_both_locks_name_alike_is_not_read():
    old, new = Made("s1-t1", skipped=0), Made("s1-t1", skipped=0)
    new.folder("lora_training").entries["jade-s1-t1"]["sha256"] = "sharper"
    for revision in (old, new):
        folders = ("ingested", "swapped", "resized", "enhanced")
        revision.outs = {revision.paths.output(name).as_posix(): "0.dir" for name in folders}
        revision.folder = lambda name, read=revision.folder: {"lora_training": read}[name](name)
    assert cause(old, new) == "dataset: its inputs differ"
    new.name = "workspace"  # its dvc.lock may be older than its files
    with pytest.raises(KeyError, match="ingested"):
        cause(old, new)


def test_a_command_that_reads_much_leaves_the_process_as_it_was(monkeypatch, capsys):
    monkeypatch.setattr("likeness.cli.diff.Revision", lambda name, persona: Made("s1-t1", skipped=0))
    collected = []
    monkeypatch.setattr("likeness.cli.diff.say", lambda text: collected.append(gc.isenabled()))
    diff_command("v1", "v2", persona="jade")
    assert collected == [False]
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("attributes", "override", "captioned by its file in captions_override/ instead of attributes"),
        ("override", "attributes", "captioned by attributes instead of its file in captions_override/"),
        ("override", "override", "its file in captions_override/ is another one"),
        ("attributes", "grok", "captioned by grok instead of attributes"),
        ("attributes", "attributes", "another caption by the same settings"),
    ],
)
def test_who_wrote_another_caption_is_told_by_the_captions_own_manifest(was, now, told):
    sides = [Made("s1-t1", skipped=0) for _ in range(2)]
    for side, provider in zip(sides, (was, now), strict=True):
        ((name, entry),) = side.folders["lora_training"][0].items()
        side.folders = side.folders | {
            "lora_training": ({name: entry | {"text": str(id(side)), "provider": "dataset"}}, []),
            "captions": ({name: entry | {"provider": provider}}, []),
        }
    assert cause(*sides) == told
