"""Attacks on what is kept: nothing that a gate refuses lies in the item store, a team's store or an output."""

import io
import json
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conf_sections import section
from ingest_fakes import FakeConsent, fake_instruments, ingest_config, png
from PIL import Image
from runs import run_of

import likeness.ingest.choice
import stages.ingest
from likeness.caption.vision_answer import ANSWER
from likeness.caption.vision_chat import Captions
from likeness.config import Config, ItemsConfig
from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.images import decode_rgb, encode_png
from likeness.paths import PersonaPaths
from likeness.persona import Persona, Similarity
from likeness.pipeline.batch import Made, Work, run_batch
from likeness.pipeline.manifest import read_manifest
from likeness.purchases.buy import Buyer, Delivery, Purchase
from likeness.store.items import WITHHELD, ItemStore
from likeness.store.keys import item_key
from likeness.store.remote import SharedItems

PLACES = PersonaPaths("jade")
PERSONA = Persona(
    name="jade", trigger="jade", class_word="woman", held_out=(),
    similarity=Similarity(source_min=0.7, swap_min=0.6, target_max=0.8),
)  # fmt: skip


def ingest(consent: FakeConsent | None = None, **changes: object) -> dict[str, str]:
    """Run the stage; reasons by file name."""
    config = Config.model_construct(
        ingest=ingest_config(**({"max_failure_ratio": 1.0} | changes)),
        items=ItemsConfig(**section("items/local.yaml")),
    )
    stages.ingest.main(run_of("ingest", config, PERSONA, consent=consent or FakeConsent()))
    return {failure.origin or "": failure.reason for failure in read_manifest(PLACES.ingested).failures}


def put(name: str, data: bytes) -> None:
    path = PLACES.raw / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def kept() -> set[str]:
    """sha256 of all bytes in the store and below data/jade but raw/."""
    stored = {path.parent.name + path.name for path in Path(".cache/items/objects").glob("??/*")}
    laid = {sha256_bytes(path.read_bytes()) for path in PLACES.ingested.glob("*")}
    return stored | laid


@pytest.fixture
def good(in_tmp, monkeypatch):
    tools = fake_instruments()
    monkeypatch.setattr(likeness.ingest.choice, "local_instruments", lambda *_: tools)
    put("sources/good.png", png(seed=1))
    put("targets/good.png", png(seed=2, person=3))


REFUSED = {
    "explicit": (png(seed=9, explicit=99), "explicit"),
    "not rated": (png(seed=9, explicit=255), "not-rated"),
    "a minor": (png(seed=9, age=15), "apparent-minor"),
    "a child": (png(seed=9, age=6), "apparent-child"),
    "somebody else": (png(seed=9, person=5), "not-the-persona"),
    "two people": (png(seed=9, faces=2), "several-faces"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_refused_photograph_is_nowhere_but_in_raw(good, data, reason):
    ingest()
    before = kept()
    put("sources/refused.png", data)
    assert ingest() == {"refused.png": reason}
    assert kept() - before <= {sha256_bytes(path.read_bytes()) for path in PLACES.ingested.glob("*.jsonl")}
    assert ingest() == {"refused.png": reason}  # from its record, without another look


def test_a_photograph_kept_under_laxer_settings_goes_when_they_are_stricter(good):
    put("sources/review.png", png(seed=9, explicit=50))
    assert ingest() == {}
    picture = sha256_bytes(next(PLACES.ingested.glob("*review*.png")).read_bytes())
    assert picture in kept()
    assert ingest(max_explicit=0.4) == {"review.png": "explicit"}
    assert picture not in kept()
    assert ingest() == {}  # judged anew: made again
    assert picture in kept()


def test_a_target_without_a_licence_is_not_kept(good):
    assert ingest(FakeConsent(unlicensed=("good.png",))) == {"good.png": "no-licence"}
    assert len(list(Path(".cache/items/objects").glob("??/*"))) == 2  # the source's picture and face


@pytest.mark.parametrize("shared_first", [True, False])
def test_the_same_bytes_refused_under_one_name_and_accepted_under_another_are_kept(in_tmp, shared_first):
    store, key = ItemStore("store"), item_key("x", 1, {}, ["same"])

    def refuse(record):
        raise InputError("no", reason="not-the-persona", kind="refused")

    def make():
        return Made(files={"a": b"bytes"}, record={})

    works = [Work(id="target", key=key, make=make), Work(id="source", key=key, make=make, judge=refuse)]
    for outcome in run_batch("x", works if shared_first else works[::-1], store, workers=1):
        assert (outcome.item is None) == (outcome.work.id == "source")
    item = store.get(key)
    assert item is not None
    assert item.files["a"].path.read_bytes() == b"bytes"


class Books:
    """A purse that writes down what is paid."""

    def __init__(self) -> None:
        self.paid: list[float] = []

    def reserve(self, *_: object) -> str:
        return "1"

    def pay(self, number: str, usd: float, usage: object) -> None:
        self.paid.append(usd)


def refuses_dark(picture: bytes) -> None:
    raise InputError(
        "the delivery rated 0.99, explicit from 0.7 on", reason="explicit", remedy="none", kind="refused"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [({"caption": "a naked woman on a bed", "rating": "sfw"}, "explicit-words"),
     ({"caption": "a woman aged 15 in a garden", "rating": "sfw"}, "words-of-children"),
     ({"caption": "a woman in a garden", "rating": "explicit"}, "caption-explicit")],
    ids=["explicit words", "an age under 18", "rated explicit"],
)  # fmt: skip
def test_a_bought_caption_is_judged_before_it_is_kept_or_shared(in_tmp, answer, reason):
    """Of what is refused neither this store nor the team's has a word; the bill stays, and it is not bought again."""
    shared = SharedItems((in_tmp / "bucket").as_uri(), in_tmp / "store")
    store, books, orders = ItemStore("store", shared), Books(), []
    said = json.dumps(answer).encode()

    def order() -> Delivery:
        orders.append(1)
        return Delivery(files={ANSWER: said}, usd=0.1, usage={"calls": 1})

    captions = Captions(SimpleNamespace(who="a model"), None, None)  # type: ignore[arg-type]
    purchase = Purchase(
        what="a model caption", item="jade-s1", key=item_key("buy", 1, {}, ["b"]), usd_max=0.2,
        ready=lambda: None, order=order, judge=captions.judge,
    )  # fmt: skip
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            Buyer(store, books, threading.Event()).buy(purchase)
        assert caught.value.reason == reason
    store.flush(lambda persona: None)
    assert (len(orders), books.paid) == (1, [0.1])
    files = [
        path.read_bytes() for root in ("store", "bucket") for path in Path(root).rglob("*") if path.is_file()
    ]
    assert not [data for data in files if answer["caption"].encode() in data]
    assert sha256_bytes(said).encode() in b"".join(files)


def frames(kind: str) -> bytes:
    pictures = [Image.fromarray(np.full((16, 16, 3), grey, np.uint8)) for grey in (90, 200)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, format=kind, save_all=True, append_images=pictures[1:], duration=100)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "MPO"])
def test_a_delivery_with_a_second_picture_behind_the_one_that_is_judged_is_not_kept(in_tmp, kind):
    """The file is kept as it came: all of it must have been looked at."""
    store = ItemStore("store")
    purchase = Purchase(
        what="maxstudio swap", item="jade-s1-t1", key=item_key("buy", 1, {}, ["a"]), usd_max=0.2, ready=lambda: None,
        order=lambda: Delivery(files={"result": frames(kind)}, usd=0.1, usage={}), pictures=("result",),
    )  # fmt: skip
    with pytest.raises(InputError, match="several pictures"):
        Buyer(store, Books(), threading.Event(), lambda data: decode_rgb(data)).buy(purchase)
    assert not list(Path("store/objects").glob("??/*"))


def test_a_bought_explicit_result_is_billed_not_kept_and_not_bought_again(in_tmp):
    store, books, orders = ItemStore("store"), Books(), []
    picture = encode_png(np.zeros((8, 8, 3), np.uint8))

    def order() -> Delivery:
        orders.append(1)
        return Delivery(files={"result": picture}, usd=0.1, usage={"calls": 1})

    purchase = Purchase(
        what="maxstudio swap", item="jade-s1-t1", key=item_key("buy", 1, {}, ["a"]), usd_max=0.2,
        ready=lambda: None, order=order, pictures=("result",),
    )  # fmt: skip
    for _ in range(2):  # the second time it is found
        with pytest.raises(InputError) as caught:
            Buyer(store, books, threading.Event(), refuses_dark).buy(purchase)
        assert caught.value.reason == "explicit"
    assert (len(orders), books.paid) == (1, [0.1])
    item = store.get(purchase.key)
    assert item is not None
    assert item.files == {}
    assert item.record["cost_usd"] == 0.1
    assert item.record[WITHHELD] == {"result": sha256_bytes(picture)}
    assert not list(Path("store/objects").glob("??/*"))
    assert picture not in [path.read_bytes() for path in Path("store").rglob("*") if path.is_file()]
