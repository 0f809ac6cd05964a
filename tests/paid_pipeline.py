"""The mission's own example without a network: 4 photographs x 8 targets, bought from providers that answer at once.

Settings are those of conf/ (swap=maxstudio, enhance=maxstudio, caption=grok); models are those of ingest_fakes.
"""

import shutil
from collections.abc import Generator
from contextlib import chdir, contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from conf_sections import composition
from ingest_fakes import FakeAges, FakeConsent, FakeFaces, fake_instruments, png
from runs import run_of

import likeness.ingest.choice
import likeness.run
import likeness.swap.items
import stages.caption
import stages.enhance
import stages.ingest
import stages.resize
import stages.swap
from likeness.caption import Described
from likeness.caption.grok import GrokCaptioner
from likeness.config import Config, load_config
from likeness.digests import sha256_pixels
from likeness.enhance import Enhanced
from likeness.enhance.maxstudio import MaxStudioEnhancer
from likeness.images import RGB, decode_rgb, encode_png
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import FaceEntry
from likeness.purchases.buy import Buyer, Delivery, Purchase
from likeness.store.keys import item_key
from likeness.swap import Portrait, Swapped
from likeness.swap.maxstudio import MaxStudioSwapper

ROOT = Path(__file__).parents[1]
PLACES = PersonaPaths("jade")
SOURCES, TARGETS = 4, 8
MISSION = (
    "swap=maxstudio", "swap.provider.inputs_url=s3://bucket/inputs", "enhance=maxstudio", "caption=grok",
    "swap.pairs=all", "swap.include_sources=false", "swap.limits.max_bridge_line=9", "resize.side_px=320",
    "personas.jade.held_out=[]",
)  # fmt: skip
RESULT = "result"


def put(name: str, data: bytes) -> None:
    path = PLACES.data / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def params(*overrides: str) -> Config:
    """Compose params.yaml here, with changes of the mission's settings."""
    Path("params.yaml").write_bytes(composition(*MISSION, *overrides))
    return load_config(Path("params.yaml"))


def photographs() -> None:
    for n in range(SOURCES):
        put(f"sources/jade_{n}.png", png(seed=n))
    for n in range(TARGETS):
        put(f"targets/person_{n}.png", png(person=n + 1, seed=10 + n))


def buy(buyer: Buyer, what: str, kind: str, inputs: list[str], usd: float, picture: RGB) -> RGB:
    delivery = Delivery(files={RESULT: encode_png(picture)}, usd=usd, usage={})
    item = buyer.buy(
        Purchase(
            what=what, item="", key=item_key(kind, 1, {}, inputs), usd_max=usd, ready=lambda: None, order=lambda: delivery
        )
    )  # fmt: skip
    return decode_rgb(item.files[RESULT].path.read_bytes())


class Swaps:
    """The target's picture, its face mixed with the source's; the first pixel says that it is person 0."""

    def __init__(self, buyer: Buyer) -> None:
        self.buyer = buyer

    def swap(self, source: Portrait, target: Portrait, *, item: str = "") -> Swapped:
        left, top, width, height = map(int, target.face.box_px)
        face = np.s_[top : top + height, left : left + width]
        rgb = target.rgb.copy()
        rgb[face] = source.rgb[face] // 2 + target.rgb[face] // 2
        rgb[0, 0], rgb[0, 1] = (1, 0, 30), (0, 1, 0)
        digests = [sha256_pixels(source.rgb), sha256_pixels(target.rgb)]
        usd = self.buyer.spending.price("maxstudio", "swap").usd
        return Swapped(rgb=buy(self.buyer, "maxstudio swap", "swaps", digests, usd, rgb), cost_usd=usd)


class Enhancements:
    """Every pixel twice."""

    def __init__(self, buyer: Buyer) -> None:
        self.buyer = buyer

    def enhance(self, rgb: RGB, *, item: str = "") -> Enhanced:
        usd = self.buyer.spending.price("maxstudio", "enhance").usd
        big = rgb.repeat(2, 0).repeat(2, 1)
        return Enhanced(
            rgb=buy(self.buyer, "maxstudio enhance", "enhancements", [sha256_pixels(rgb)], usd, big),
            cost_usd=usd,
        )


class Captions:
    """Always the same words, at a real caption's real price."""

    USD = 0.0011

    def __init__(self, buyer: Buyer) -> None:
        self.buyer = buyer

    def describe(self, rgb: RGB, *, face: FaceEntry | None, swapped: bool, item: str = "") -> Described:
        order = Delivery(files={}, usd=self.USD, usage={})
        key = item_key("captions", 1, {}, [sha256_pixels(rgb)])
        self.buyer.buy(
            Purchase(
                what="xai caption", item="", key=key, usd_max=0.003875, ready=lambda: None, order=lambda: order
            )
        )  # fmt: skip
        return Described(text="a photo", cost_usd=self.USD)


def outfit(monkeypatch: pytest.MonkeyPatch) -> Config:
    """The example's photographs and settings in the current folder; providers are fakes, no key is set."""
    tools = fake_instruments()
    monkeypatch.setattr(likeness.ingest.choice, "local_instruments", lambda *_: tools)
    monkeypatch.setattr(likeness.run, "load_consent", lambda folder, persona: FakeConsent())
    monkeypatch.setattr(likeness.run, "in_force", lambda root, persona, uses, place: FakeConsent())
    monkeypatch.setattr(likeness.swap.items, "face_analyzer", lambda embedder: FakeFaces())
    monkeypatch.setattr(likeness.swap.items, "AgeEstimator", FakeAges)
    monkeypatch.setattr(likeness.swap.items, "Rater", FakeRater)
    for kind, fake in (
        (MaxStudioSwapper, Swaps), (MaxStudioEnhancer, Enhancements), (GrokCaptioner, Captions)
    ):  # fmt: skip
        monkeypatch.setattr(kind, "opened", _opened(fake))
    for name in ("MAXSTUDIO_API_KEY", "XAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    ran()
    return load_config(Path("params.yaml"))


def ran(*names: str) -> None:
    """The example as these stages leave it, the first of all, in the current folder."""
    shutil.copytree(_example(*names), ".", symlinks=True, dirs_exist_ok=True)


@cache
def _example(*names: str) -> Path:
    """A folder of the example after these stages; each is run once a process, by the first test that asks for it."""
    folder = Path(mkdtemp(prefix="likeness-example-"))
    with chdir(folder):
        if names:
            ran(*names[:-1])
            run(load_config(Path("params.yaml")), names[-1])
        else:
            shutil.copytree(ROOT / "conf", "conf")
            photographs()
            params()
    return folder


class FakeRater:
    def explicit(self, rgb: RGB) -> float:
        return float(np.float32(0.01))


def run(cfg: Config, *names: str) -> None:
    """Some stages, as DVC would run them."""
    for name in names:
        getattr(stages, name).main(run_of(name, cfg, cfg.personas["jade"]))


def _opened(fake):
    @contextmanager
    def opened(self, buyer: Buyer) -> Generator[object, None, None]:
        yield fake(buyer)

    return opened
