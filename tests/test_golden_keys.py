"""The keys of everything that stands for money or hours, pinned: a renamed operation would buy and train all again.

Each key is made by the product's own function from inputs that are written down here. Who moves a module changes an
import; who moves a digest reads `MOVED` first.
"""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from golden_works import KEYS

ROOT = Path(__file__).parents[1]
MOVED = """the key of {name!r} moved.
Whoever bought or made it before does not find it any more, and pays for it or waits for it once more.
 - Was a class, a module or a setting renamed, or a setting added that changes nothing as it is by default? Then leave
   operation, settings and inputs in the key as they were.
 - Do equal inputs give another result now? Then raise the operation's version, tell in CHANGELOG.md what is made again
   and what that costs, and pin the new digest here.
"""
# Operations whose items cost neither money nor hours, and why each need not be pinned.
FREE = {
    "evaluate.look": "what is measured of a drawn picture, in a fraction of a second",
    "enhance.own": "a crop with pixels enough, encoded in a moment",
    "gate.picture": "what the gates measure of a training image, in a fraction of a second",
    "plan.memory": "a prediction of some seconds, which `plan` remembers",
    "plan.pace": "how fast training went, which `plan` remembers",
    "publish.copy": "a marked and signed copy, made in a moment; a copy made again is sent again",
}

PINNED = {
    "maxstudio-swap": "b251bdb4521f945fb955268662ee818bf6ca6c94c816d3aaaa25e294733ebc9f",
    "maxstudio-detect": "aa828064545fe7dea655c8083f3ec1c82a13712433ed27170610322003c374fb",
    "maxstudio-enhance": "9289a19b49f85ce5e413846b8181f83c8130a65edb7e1a4e5012d282b8a93624",
    "grok-caption": "e92b8d946f6b0605a455bdb8d4e93943571621439158cc79070a00ef4965fed5",
    "grok-caption in a batch": "e92b8d946f6b0605a455bdb8d4e93943571621439158cc79070a00ef4965fed5",
    "openai-caption": "6f9513e9875cd133c52b29c28e209a50fe1946e31a738b38567626d8dbe0d78c",
    "ingest": "7187126303d177f5897bf8365f280271d6e99ea820b66f4b77624feda248ced0",
    "swap-traits": "73f533e8d332ab0cc746fc2a58e0e6ffd264a6ff98280865817ae42a009014b1",
    "swap by local": "c773f7abc7544bebd005e6ccfd91171ca22d8d96a2b025888926ae6183b8cf35",
    "swap by onnx": "d967679088a5671a0201d57542eb39378322319b1a748f685c972d9fb6a3d889",
    "swap by maxstudio": "2a33007bc5284e0847d909ac7062f20445072bdd1b6e5b36de438929168900d2",
    "keep": "e5b5fafb1f6286d8f7a4498accd66b6f6594a3e54791c53cb68a30c7b385ae14",
    "resize": "027b9e006ebf9a26685950431ec7a3691ef942d1c064dfa36ef92e42bc93dce4",
    "enhance by lanczos": "17d4f8ecb6d52f0de9b92a91ffa31d36f85d87d3a71901288a237f97f22ca4c6",
    "enhance by superres": "3057f7bcdb3f8b9cdd7171f4cdc1838adfd8a037e9f16ba2b262619dc6a8cb35",
    "enhance by maxstudio": "9cf9f3b8d8ead8ee628d7552168428bb1dd6ef911833025493a4c80026744423",
    "caption by attributes": "aac12c1cab581e4aaff2f25cfc21662d1c869e5cb79bf1b6777145731a590fae",
    "caption by attributes of a swap": "b820cb6f9f24614ee7cfe1c69d1c7a76f80d7396c310aa080c7dbfdafb9e2ec3",
    "caption by vlm": "eb7954f17147df00f513ea560d51a23c66f123f199897367891b340d073df464",
    "caption by grok": "cfcebf3d8fae7ddcba6df5b3ee514a25f75b4d2dbb559e059313553bffcee109",
    "caption by openai": "dd190712b58662c61e8f07b0bad1b2b2b4d106c077beb5b608dcc2798af45690",
    "caption-override": "8a696454c67611579f55718331ffdfc0d3bdc0e4590d99125af6a15dc9ce13a8",
    "dataset.image": "6531d4fae82be5e2f17e197d49df0b67472baf6af77a1ab132895cb5be3cf70e",
    "lora.latents": "88bcf03a9ec285da9d29cc4916fcb26a9ff402b0903a3e0eee0d61218412803a",
    "lora.latents of a cut": "06a97e900a64debde061ae0a5d55dcd0299dc767e9f8dc9db0f49477c8c40ee4",
    "lora.prompt": "a3f8e6e1140d46c00b611f3b38190befda3807ee3bffc31bc6b777b15b9b2e98",
    "lora.train": "7cc9b2cc5a6ce8739c020b55c8ad4a6b89131958e18b209e591b5ae5ba856f1f",
    "train.prior": "862391fc09b236dd60924fee571bd1e6957c24796fa4899d4b0f753fa8666bac",
    "train.sample": "deef9da6310dba26cba953abe6fc61a34b4bfc497723b07c4f817526f484c12b",
    "train.sampler": "0a78b37160d1ffafc551f830fbd6b0db2868050b41526c1f8054d259920581fc",
    "evaluate.sample": "c7fd3576c8c4c4b93219fdd76dc958e0784577d66a31a34be3e678c368441e35",
    "evaluate.sample without": "65178b5dc29d9e83dd06eac1843b534747bc3fb73406928a4d810f70bd3cb861",
    "comfy.sample": "dc1725f18bf9915e157ada3a171a597515012358192d1bc5123df9a02b4eac1f",
    "comfy.sample without": "2a870886c5f00de8f4c15675721ceaba68db8e45bd000b28b028b6db5f21e691",
    "metrics.face": "91142bcaf5a875172b5a06b2b9080e088c55e80936bb359d84fe0da124fd730c",
}


@pytest.fixture(autouse=True)
def _one_machine(in_tmp, monkeypatch):
    """What keys hold of the machine."""
    monkeypatch.setattr(torch, "__version__", "2.9.0")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: SimpleNamespace(name=name))


@pytest.mark.parametrize("name", KEYS)
def test_what_was_paid_for_or_waited_for_is_found_again(name):
    assert KEYS[name]() == PINNED[name], MOVED.format(name=name)


def operations() -> set[str]:
    """The first argument of every call of `item_key` in the product."""
    found: set[str] = set()
    for path in [*(ROOT / "likeness").rglob("*.py"), *(ROOT / "stages").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "item_key":
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}: an operation is a word"
                found.add(node.args[0].value)
    return found


def test_every_operation_is_pinned():
    assert KEYS.keys() == PINNED.keys()
    assert {name.split()[0] for name in KEYS} | set(FREE) == operations()
