"""Every refusal says what helps, and which setting was hit."""

import ast
from pathlib import Path

import pytest
from ingest_fakes import FakeConsent, ingest_config, measured_face
from ingest_fakes import candidate as photograph
from swap_portraits import candidate, config

from likeness import errors
from likeness.errors import InputError, LikenessError
from likeness.ingest import IngestConfig
from likeness.ingest.checks import refusal_of
from likeness.ingest.limits import limits_of, read_file, too_many_pixels
from likeness.ingest.repeats import Originals
from likeness.swap import PairLimits, QualityLimits
from likeness.swap.pairs import choose_pairs
from likeness.swap.quality import judge_quality

ROOT = Path(__file__).parents[1]
KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, LikenessError)
}
EACH_LINE_HAS_ITS_OWN = "problem(s); nothing was run"


def calls():
    for path in sorted([*ROOT.glob("likeness/**/*.py"), *ROOT.glob("stages/*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield path.relative_to(ROOT), node.func.id, node


def test_every_error_and_refusal_in_the_code_has_a_remedy():
    without, every = [], list(calls())
    for path, name, node in every:
        kind = KINDS.get(name)
        given = {keyword.arg for keyword in node.keywords}
        needs = (kind is not None and not kind.default_remedy) or (name == "Refusal" and "reason" in given)
        if (
            needs
            and not {"remedy", None} & given
            and EACH_LINE_HAS_ITS_OWN not in (said := ast.unparse(node))
        ):
            without.append(f"{path}:{node.lineno}: {said}")
    assert without == []
    assert sum(name in KINDS for _, name, _ in every) > 300


SMALL = measured_face(box_px=(0.0, 0.0, 20.0, 26.0))
INGEST = {
    "min_side_px": {"width": 100},
    "min_face_px": {"faces": (SMALL,)},
    "background_face_ratio": {"faces": (measured_face(), measured_face())},
    "min_sharpness": {"faces": (measured_face(sharpness=0.0),)},
    "min_face_light": {"faces": (measured_face(light=(1.0, 2.0, 3.0)),)},
    "max_face_light": {"faces": (measured_face(light=(250.0, 251.0, 252.0)),)},
    "max_explicit": {"explicit": 0.99},
}
# Elsewhere: read_file, the header's size, and pairs of photographs; the last three refuse nothing.
INGEST_ELSEWHERE = {"max_file_mb", "max_megapixels", "near_duplicate"}
INGEST_NOTHING = {"max_side_px", "background_rgb", "review_explicit", "max_failure_ratio"}


def test_every_setting_of_ingest_is_known_here():
    assert {*INGEST, *INGEST_ELSEWHERE, *INGEST_NOTHING} == set(IngestConfig.model_fields)


@pytest.mark.parametrize("setting", INGEST)
def test_a_refusal_of_ingest_names_its_setting_and_the_limit(setting):
    cfg = ingest_config()
    refusal = refusal_of(photograph("t1", **INGEST[setting]), cfg, FakeConsent())
    assert refusal is not None
    assert f"ingest.{setting}" in refusal.detail
    assert f"{getattr(cfg, setting):g}" in refusal.detail
    assert refusal.remedy


def test_so_do_sizes_and_repeats(tmp_path):
    cfg = ingest_config(max_file_mb=0.001)
    big = tmp_path / "big.jpg"
    big.write_bytes(b"x" * 2000)
    with pytest.raises(InputError, match=r"ingest\.max_file_mb 0\.001"):
        read_file(big, limits_of(cfg))
    assert "ingest.max_megapixels" in too_many_pixels("1 x 1", 10**9, limits_of(cfg)).message
    one, other = (photograph(label, average_hash="0" * 16) for label in ("s1", "s2"))
    repeated = Originals(cfg.near_duplicate, 1, [one]).repeated_by(other)
    assert repeated is not None
    assert "ingest.near_duplicate" in f"{repeated.detail} {repeated.remedy}"


PAIRS = {
    "max_yaw_difference_deg": {"yaw_deg": -80.0},
    "max_pitch_difference_deg": {"pitch_deg": 80.0},
    "max_mouth_difference": {"mouth_open": 3.0},
    "min_face_px": {"box_px": (0.0, 0.0, 20.0, 20.0)},
    "max_bridge_line": {"line": 5.0},
    "max_shadow_difference": {"shadow": 3.0},
    "min_teeth": {"teeth": 0.0},
    "max_gaze_apart": {"gaze": 9.0},
}


@pytest.mark.parametrize("setting", PairLimits.model_fields)
def test_a_pair_out_of_range_names_its_setting_and_the_limit(setting):
    _, skipped = choose_pairs("jade", {"s1": candidate(**PAIRS[setting])}, {"t1": candidate()}, config())
    limit = getattr(config().limits, setting)
    assert [f"swap.limits.{setting} is {limit:g}" in one.detail for one in skipped] == [True]
    assert skipped[0].remedy


@pytest.mark.parametrize("setting", QualityLimits.model_fields)
def test_a_swap_of_poor_quality_names_its_setting_and_the_limit(setting):
    limits = QualityLimits(max_seam=0.5, max_tone=0.5, max_matte=0.5)
    measured = dict.fromkeys(("seam", "tone", "matte"), 0.0) | {setting.removeprefix("max_"): 9.0}
    with pytest.raises(InputError, match=rf"swap\.quality\.{setting} is 0\.5") as caught:
        judge_quality(measured, limits)
    assert caught.value.remedy
