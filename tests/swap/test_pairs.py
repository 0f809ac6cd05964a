from collections import Counter

import numpy as np
import pytest
from swap_portraits import candidate, config

from likeness.pipeline.manifest import natural
from likeness.swap.pairs import choose_pairs, columns, distance
from likeness.swap.range import LIMITS


def reasons(sources, targets, **changes):
    pairs, skipped = choose_pairs("jade", sources, targets, config(**changes))
    return pairs, {failure.id: failure.reason for failure in skipped}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"yaw_deg": -40.0}, "yaw-difference"),
        ({"pitch_deg": 25.0}, "pitch-difference"),
        ({"mouth_open": 0.4}, "mouth-opening"),
        ({"shadow": 0.15}, "cast-shadow"),
    ],
)
def test_a_pair_out_of_range_is_skipped_with_its_reason_and_the_others_stay(changes, reason):
    sources = {"s1": candidate(), "s2": candidate(**changes)}
    pairs, skipped = reasons(sources, {"t1": candidate()})
    assert pairs == [("s1", "t1")]
    assert skipped == {"jade-s2-t1": reason}


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (candidate(box_px=(0.0, 0.0, 40.0, 55.0)), "tiny-face"),
        (candidate(line=0.5), "glasses"),
    ],
)
def test_an_unusable_photo_is_named_once_and_not_per_pair(photo, reason):
    sources = {"s1": candidate(), "s2": candidate()}
    pairs, skipped = reasons(sources, {"t1": candidate(), "t2": photo})
    assert pairs == [("s1", "t1"), ("s2", "t1")]
    assert skipped == {"jade-t2": reason}


@pytest.mark.parametrize(
    ("changes", "reason"), [({"teeth": 0.5}, "grey-teeth"), ({"gaze": 0.4}, "eyes-apart")]
)
def test_what_would_be_wrong_on_any_face_makes_no_source_and_may_be_a_target(changes, reason):
    sources = {"s1": candidate(), "s2": candidate(**changes)}
    pairs, skipped = reasons(sources, {"t1": candidate(), "t2": candidate(**changes)})
    assert pairs == [("s1", "t1"), ("s1", "t2")]
    assert skipped == {"jade-s2": reason}


def test_without_targets_no_source_is_called_unfit_for_a_swap():
    assert reasons({"s1": candidate(), "s2": candidate(teeth=0.5)}, {}) == ([], {})


def test_a_shadow_that_the_target_has_as_well_is_none_and_best_prefers_soft_light():
    sources = {"s1": candidate(shadow=0.15), "s2": candidate(shadow=0.08), "s3": candidate(yaw_deg=3.0)}
    pairs, skipped = reasons(sources, {"t1": candidate(shadow=0.16)}, sources_per_target=3)
    assert len(pairs) == 3
    assert skipped == {}
    pairs, _ = reasons(sources, {"t1": candidate()}, sources_per_target=1)
    assert pairs == [("s3", "t1")]


def test_many_pairs_out_of_range_are_a_line_for_each_target_and_limit_that_counts_them():
    sources = {f"s{n}": candidate(yaw_deg=30.0 + n) for n in range(1, 21)} | {
        "s30": candidate(pitch_deg=40.0)
    }
    targets = {f"t{n}": candidate() for n in range(1, 4)} | {"t9": candidate(yaw_deg=35.0)}
    pairs, skipped = choose_pairs("jade", sources, targets, config())
    of_t1 = [failure for failure in skipped if failure.target == "t1"]
    assert [(line.id, line.reason, line.items) for line in of_t1] == [
        ("jade-t1", "yaw-difference", 20),
        ("jade-s30-t1", "pitch-difference", 1),
    ]
    assert of_t1[0].detail.startswith(
        "20 sources, of which s1 is the nearest: heads turned 31.0 degrees apart"
    )
    assert {target for _, target in pairs} == {"t9"}
    assert sum(line.items for line in skipped) == len(sources) * len(targets) - 20
    assert len(skipped) <= len(targets) * len(LIMITS)


@pytest.mark.parametrize("seed", range(5))
def test_the_pairs_are_those_that_comparing_each_with_each_gives(seed):
    random = np.random.default_rng(seed)

    def photos(role, count):
        return {
            f"{role}{n}": candidate(
                yaw_deg=round(float(random.normal(0, 15)), int(random.integers(3))),
                pitch_deg=float(random.normal(0, 8)),
                mouth_open=float(random.uniform(0, 0.2)),
                left=float(random.integers(30, 90)),
                right=float(random.integers(30, 90)),
            )
            for n in range(1, count + 1)
        }

    sources, targets, cfg = photos("s", 25), photos("t", 10), config(sources_per_target=3)
    sources |= {f"s{n + 50}": sources[f"s{n}"] for n in range(1, 9)}  # as far from each target as another
    plain, broken = [], Counter()
    for target, theirs in targets.items():
        inside = []
        for source, ours in sources.items():
            a, b = ours.face, theirs.face
            if abs(a.yaw_deg - b.yaw_deg) > cfg.limits.max_yaw_difference_deg:
                broken[target, "yaw-difference"] += 1
            elif abs(a.pitch_deg - b.pitch_deg) > cfg.limits.max_pitch_difference_deg:
                broken[target, "pitch-difference"] += 1
            elif abs(a.mouth_open - b.mouth_open) > cfg.limits.max_mouth_difference:
                broken[target, "mouth-opening"] += 1
            else:
                inside.append(source)
        best = sorted(
            inside, key=lambda label: (distance(columns(sources[label]), columns(theirs)), natural(label))
        )
        plain += [(source, target) for source in best[:3]]
    pairs, skipped = choose_pairs("jade", sources, targets, cfg)
    assert pairs == sorted(plain, key=lambda pair: (natural(pair[0]), natural(pair[1])))
    assert {(line.target, line.reason): line.items for line in skipped} == broken
    assert len(broken) > 5


def test_every_skip_says_what_to_do():
    _, skipped = choose_pairs("jade", {"s1": candidate(yaw_deg=60.0)}, {"t1": candidate()}, config())
    assert skipped[0].kind == "skipped"
    assert "60.0 degrees" in skipped[0].detail
    assert "source photo" in skipped[0].remedy


def test_best_takes_the_nearest_poses_and_leaves_no_line_for_the_rest():
    sources = {f"s{n}": candidate(yaw_deg=4.0 * n) for n in range(1, 6)}
    pairs, skipped = reasons(sources, {"t1": candidate(yaw_deg=9.0)}, sources_per_target=2)
    assert pairs == [("s2", "t1"), ("s3", "t1")]
    assert skipped == {}


def test_among_equal_poses_the_light_decides():
    sources = {"s1": candidate(left=80, right=40), "s2": candidate(left=40, right=80), "s3": candidate()}
    target = {"t1": candidate(left=45, right=75)}
    pairs, _ = reasons(sources, target, sources_per_target=1)
    assert pairs == [("s2", "t1")]


def test_all_takes_every_pair_in_range():
    sources = {f"s{n}": candidate(yaw_deg=2.0 * n) for n in range(1, 12)}
    pairs, _ = reasons(sources, {"t1": candidate(), "t2": candidate()}, pairs="all", sources_per_target=1)
    assert len(pairs) == 22
    assert pairs[:3] == [("s1", "t1"), ("s1", "t2"), ("s2", "t1")]
    assert pairs[-1] == ("s11", "t2")


def test_the_order_of_the_photos_changes_nothing():
    sources = {f"s{n}": candidate() for n in range(1, 8)}
    backwards = dict(reversed(sources.items()))
    targets = {"t1": candidate(), "t2": candidate()}
    assert reasons(sources, targets, sources_per_target=3) == reasons(
        backwards, targets, sources_per_target=3
    )
