"""A provider of an installed package that lies: about its result, about what it draws, about what it is."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from persona_folders import Folders

from likeness.enhance.items import draws_as_it_likes, works
from likeness.errors import InputError
from likeness.images import handed_over
from likeness.pipeline.verified import read_pictures

GREY = np.full((8, 8, 3), 90, np.uint8)


class Shared(np.ndarray):
    """An image that another thread of its maker's still writes."""


NO_IMAGES = {
    "floats": GREY.astype(np.float32), "grey": GREY[:, :, 0], "with alpha": np.zeros((8, 8, 4), np.uint8), "nothing": None,
    "no pixels": np.zeros((0, 8, 3), np.uint8), "a list": GREY.tolist(), "objects": GREY.astype(object), "a path": Path("/etc/passwd"),
    "a bomb": np.broadcast_to(np.zeros(3, np.uint8), (20_000, 20_000, 3)),
}  # fmt: skip


@pytest.mark.parametrize("rgb", NO_IMAGES.values(), ids=NO_IMAGES)
def test_what_is_no_image_is_one_items_failure(rgb):
    with pytest.raises(InputError, match="the swapper") as caught:
        handed_over(rgb, who="the swapper")
    assert caught.value.reason == "bad-result"


def test_what_is_judged_is_what_is_kept():
    theirs = GREY.copy().view(Shared)
    ours = handed_over(theirs, who="the swapper")
    theirs[:] = 0
    assert type(ours) is np.ndarray
    assert (ours == 90).all()


class Liar:
    """Says that it is local and untrained, and draws what it likes."""

    name, remote, neural = "liar", False, False

    def identity(self):
        return {"provider": "lanczos"}

    def enhance(self, rgb, *, item=""):
        return SimpleNamespace(rgb=np.repeat(np.repeat(rgb, 2, 0), 2, 1), cost_usd=0.0)


@pytest.mark.parametrize(
    ("module", "neural", "remote", "judged"),
    [("acme", False, False, True), ("acme", True, True, True), ("likeness.enhance.superres", True, False, True),
     ("likeness.enhance.lanczos", False, False, False), ("likeness.enhance.maxstudio", True, True, False)],
)  # fmt: skip
def test_what_draws_as_it_likes_is_judged_before_it_is_kept(module, neural, remote, judged):
    kind = type("Enhancer", (), {"__module__": module, "neural": neural, "remote": remote})
    assert draws_as_it_likes(kind()) is judged


def test_a_liars_enlargement_is_judged_before_it_is_kept(in_tmp):
    folders = Folders(in_tmp)
    folders.everything((("s1", None),))

    def refuse(picture: bytes) -> None:
        raise InputError("the delivery is rated .99", reason="explicit", kind="refused")

    run = SimpleNamespace(
        provider=Liar(), judge_delivery=refuse, persona=SimpleNamespace(name="jade"),
        config=SimpleNamespace(enhance=SimpleNamespace(jpeg_quality=90), dataset=SimpleNamespace(side_px=None)),
    )  # fmt: skip
    pictures = [one for one in read_pictures(folders.places.resized) if not one.entry.has_own_pixels]
    assert pictures
    for work in works(run, pictures, Liar()):
        with pytest.raises(InputError) as caught:
            work.make()
        assert caught.value.reason == "explicit"
