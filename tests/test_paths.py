"""Names a person can read, and a program can read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likeness.errors import ConfigError
from likeness.paths import PERSONA_NAME, image_name, item_id, parse_image_name

PERSONAS = st.from_regex(PERSONA_NAME, fullmatch=True)
NUMBERS = st.integers(min_value=1, max_value=10**6)


@given(
    PERSONAS,
    NUMBERS,
    st.none() | NUMBERS,
    st.sampled_from(["sfw", "review"]),
    st.sampled_from(["swapped", "enhanced"]),
)
def test_a_name_reads_back_to_its_parts(persona, source, target, rating, stage):
    t = f"t{target}" if target else None
    name = image_name(persona, f"s{source}", t, rating, stage, "jpg")
    assert parse_image_name(name) == {
        "persona": persona, "source": f"s{source}", "target": t, "rating": rating, "stage": stage, "ext": "jpg"}  # fmt: skip
    assert name.startswith(item_id(persona, f"s{source}", t))


def test_the_missions_own_example():
    assert image_name("jade", "s1", "t1", "sfw", "enhanced", "jpg") == "jade-s1-t1-sfw-enhanced.jpg"


@pytest.mark.parametrize(
    "name", ["jade.jpg", "jade-s0-sfw-enhanced.jpg", "jade-s1-explicit-enhanced.jpg", "../jade-s1-sfw-a.jpg"]
)
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError):
        parse_image_name(name)
