"""likeness.safety.gates: one table decides what is refused, at which door."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likeness.caption.text import Override, read_override
from likeness.errors import InputError
from likeness.safety import gates
from likeness.safety.gates import GATES, REMEDIES, Gate, SeenFace, Subject, judge, refuse

JADE = SeenFace(side_px=200, age_years=25.0, attested_years=29, whose="jade")
GUIDE = Path(__file__).parents[2] / "docs" / "adding-a-gate.md"


@pytest.mark.parametrize("door", sorted(gates.PICTURES))
@pytest.mark.parametrize(
    ("score", "reason"), [(None, "not-rated"), (0.7, "explicit"), (float("nan"), "explicit")]
)
def test_every_door_for_pictures_refuses_the_same(door, score, reason):
    refusal = judge(door, Subject(explicit=score, max_explicit=0.7, faces=[JADE]))
    assert refusal is not None
    assert refusal.reason == reason
    assert refusal.remedy
    assert judge(door, Subject(explicit=0.69, max_explicit=0.7, faces=[JADE])) is None


@given(st.sampled_from(sorted(REMEDIES)), st.floats(allow_nan=True), st.floats(0, 1), st.text())
def test_a_row_more_never_lets_pass_what_was_refused(door, score, limit, text):
    subject = Subject(explicit=score, max_explicit=limit, text=text)
    before = judge(door, subject)
    harmless = Gate(reason="toy", doors=frozenset(REMEDIES), refuses=lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gates, "GATES", (harmless, *GATES))
        assert judge(door, subject) == before


def test_the_guides_gate_holds_where_its_door_is(monkeypatch):
    (row,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    monkeypatch.setattr(gates, "GATES", (*GATES, eval(row, {"Gate": Gate})))
    assert read_override(Override(b"jade woman, smiling"), trigger="jade") == "jade woman, smiling"
    with pytest.raises(InputError) as caught:
        read_override(Override(b"jade woman, in an Acme shirt"), trigger="jade")
    assert (caught.value.reason, caught.value.remedy) == ("caption-brand", "leave the brand out")
    refuse("swap", Subject(explicit=0.0, max_explicit=0.7, text="Acme"), what="it")
