"""synthetic_people: what a file may say of a person, and what is told of a wrong one."""

from pathlib import Path

import pytest
import yaml
from synthetic_person import MIA

from likeness.errors import ConfigError
from tools.synthetic_people import finish, produce, wardrobe
from tools.synthetic_people.__main__ import TAKES
from tools.synthetic_people.plan import digest, plan
from tools.synthetic_people.traits import YOUNGEST_YEARS, load_people, load_person

PERSONAS = Path(produce.__file__).parent / "personas"


def written(folder: Path, **changes: object) -> Path:
    path = folder / "mia.yaml"
    path.write_text(yaml.safe_dump({**MIA, **changes}))
    return path


def test_the_example_is_about_fifteen_lines_and_valid():
    path = PERSONAS / "example.yaml"
    assert load_person(path).age >= YOUNGEST_YEARS
    assert len(path.read_text().splitlines()) <= 16


def test_the_targets_are_valid():
    assert len({one.name for one in load_people(PERSONAS / "targets.yaml")}) >= 5


def test_the_demos_targets_are_photographs_of_the_women_of_its_file_as_it_stands():
    people = load_people(PERSONAS / "jade_targets.yaml")
    options = {"photos": 1, "seed": 0, "role": "target", "long_side_px": 896}
    photographs = sorted(Path("data/jade/raw/targets").iterdir())
    assert [path.name for path in photographs] == [
        f"{n:02d}_{one.name}.jpg" for n, one in enumerate(people, start=1)
    ]
    for path, person in zip(photographs, people, strict=True):
        assert person.gender == "woman"  # the class word of jade, in every caption
        takes = [plan(person, **options, take=take)[0] for take in range(TAKES)]
        assert any(finish.is_of(path.read_bytes(), digest(person, shot)) for shot in takes), path.name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hight": 3}, r"hight: unknown key; allowed: name, gender, age, "),
        ({"hair": {"style": "long", "color": "red"}}, r"hair\.color: unknown key; allowed: style, colour"),
        (
            {"hair": {"style": "mohawk", "colour": "red"}},
            r"hair\.style: 'mohawk' is unknown; allowed: long, ",
        ),
        ({"face": {"nose": 1}}, r"face: 'nose' is unknown; allowed: nose_width, "),
        ({"face": {"lips": 3}}, r"face\.lips: .*less than or equal to 1"),
        ({"eyes": "pink"}, r"eyes: 'pink' is unknown; allowed: brown, "),
        ({"face_shape": "flat"}, r"face_shape: 'flat' is unknown"),
        ({"places": ["moon"]}, r"places: 'moon' is unknown; allowed: studio, "),
        ({"places": []}, r"places: name one at least"),
        ({"framings": ["knees"]}, r"framings: 'knees' is unknown; allowed: face, "),
        ({"ancestry": {"asian": 0}}, r"ancestry: one share at least"),
        ({"yaw_deg": [-90, 90]}, r"yaw_deg: .*within -45 and 45"),
        ({"name": "../x"}, r"name: "),
        ({"clothes": []}, r"clothes: "),
        (
            {"clothes": [{"garment": "bikini"}]},
            r"clothes\.0\.garment: 'bikini' is unknown; allowed: t-shirt, ",
        ),
        ({"clothes": [{"garment": "t-shirt"}]}, r"clothes\.0: a t-shirt needs a colour"),
        ({"clothes": [{"garment": "jacket", "colour": "red"}]}, r"a jacket has its own colours"),
        ({"clothes": [{"garment": "suit"}]}, r"there is no suit for a woman: t-shirt, "),
    ],
)
def test_a_wrong_trait_is_named_with_what_is_allowed(tmp_path, changes, told):
    with pytest.raises(ConfigError, match=told) as caught:
        load_person(written(tmp_path, **changes))
    assert caught.value.reason == "traits"
    assert "mia.yaml" in caught.value.message
    assert "docs/synthetic-people.md" in caught.value.remedy


@pytest.mark.parametrize("age", [-1, 3, 17, 18, 24, 61])
def test_only_adults_of_25_to_60_years_are_built(tmp_path, age):
    with pytest.raises(ConfigError, match=rf"age: {age} is too (young|old)"):
        load_person(written(tmp_path, age=age))
    path = tmp_path / "people.yaml"
    path.write_text(yaml.safe_dump({"people": [{**MIA, "age": age}]}))
    with pytest.raises(ConfigError, match=r"people\.0\.age"):
        load_people(path)


def test_two_targets_of_one_name_are_refused(tmp_path):
    (tmp_path / "people.yaml").write_text(yaml.safe_dump({"people": [MIA, MIA]}))
    with pytest.raises(ConfigError, match="mia: two people of one name"):
        load_people(tmp_path / "people.yaml")


@pytest.mark.parametrize("text", ["a: [", "- just\n- a list", ""])
def test_what_is_no_person_is_refused(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"x\.yaml"):
        load_person(tmp_path / "x.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_person(tmp_path / "none.yaml")


def test_no_garment_with_a_logo_is_ever_textured():
    bearing = {"female_casualsuit01", "male_casualsuit02", "male_casualsuit04", "male_casualsuit06"}
    for garment in wardrobe.GARMENTS.values():
        assert garment.colours == "needed" or not bearing & set(garment.meshes.values())
