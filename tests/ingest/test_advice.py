"""What is said of few photographs, of none held out, and of one view alone."""

import weakref
from types import SimpleNamespace

import pytest

from likeness.ingest.advice import FEW, GOOD, advice
from likeness.lazy import Lazy


def photos(number, *, held_out=1, yaws=(0.0, 25.0)):
    return [
        SimpleNamespace(
            raw=SimpleNamespace(role="source", held_out=n < held_out),
            face=SimpleNamespace(yaw_deg=yaws[n % len(yaws)]),
        )
        for n in range(number)
    ]


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        (photos(2, held_out=1), "1 photograph(s) of jade"),
        (photos(12, held_out=0), "conf/persona/jade.yaml"),
        (photos(12, yaws=(0.0, 3.0)), "looks the same way, within 3 degrees"),
    ],
)
def test_what_a_set_lacks_is_said_with_what_good_looks_like(accepted, words):
    said = advice("jade", accepted)
    assert any(words in line for line in said)
    assert said[-1] == GOOD


def test_a_good_set_gets_no_word():
    assert advice("jade", photos(FEW + 1, held_out=1)) == []


class Photo(SimpleNamespace):
    """One that can be watched."""

    __hash__ = object.__hash__


def test_a_photograph_is_looked_at_and_let_go():
    alive, most = weakref.WeakSet[Photo](), 0

    def make(number):
        nonlocal most
        alive.add(photo := Photo(**vars(photos(number + 1)[number])))
        most = max(most, len(alive))
        return photo

    advice("jade", Lazy(60, make))
    assert most < 6
