"""The report's first part: drawn pictures beside photographs, the similarity, and the first thing to improve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from likeness.formatting import percent
from likeness.report.charts import share_scale
from likeness.report.collect import Collected
from likeness.report.words import bin_words

Measures = Mapping[str, Any]

LEAST_SHORTFALL = 0.25
"""A weakness smaller than this is not worth a remedy."""

ENOUGH_PHOTOGRAPHS = 3
"""With fewer, an interval of 95 % held the truth in .72 to .91 of 300 simulations, and with one seed in .54."""


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """What to mend: what was measured, and what would change it. `shortfall` is the share that is missing, 0 to 1."""

    what: str
    remedy: str
    shortfall: float


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The score in words, as a drawing, and what its words mean."""

    share: str
    interval: str
    recognised: str
    second: str
    scale: Markup
    terms: Mapping[str, str]


def headline(got: Collected) -> Headline | None:
    """None where no drawn face could be compared."""
    measures = got.evaluation.measures
    if not measures or (share := measures["embedders"][0]["samples"]["share"])["value"] is None:
        return None
    first, *others = measures["embedders"]
    samples, ceiling = first["samples"], first["ceiling"]["value"]
    others_reach = {"strangers": first["strangers"], "the base alone": first["base"]["similarity"]}
    marks = {what: one["value"] / ceiling for what, one in others_reach.items() if one["value"] is not None}
    return Headline(
        share=percent(share["value"]),
        interval=interval(share),
        recognised=recognised(samples),
        second="; ".join(
            f"{one['label']}: {percent(one['samples']['share']['value'])}{interval(one['samples']['share'])}"
            for one in others
            if one["samples"]["share"]["value"] is not None
        ),
        scale=share_scale(share["value"], share["low"], share["high"], marks),
        terms=terms(measures, seeds=len({one.seed for one in got.evaluation.samples})),
    )


def no_share(measures: Measures) -> str:
    """Why drawn faces have no share of a ceiling, in a sentence; empty where they have one, or where no face was drawn."""
    first = measures["embedders"][0]
    similarity = first["samples"]["similarity"]["value"]
    if similarity is None or first["samples"]["share"]["value"] is not None:
        return ""
    return (
        f"The drawn pictures' similarity to the photographs is {similarity:.2f} ({first['label']}). No share can be told: the ceiling "
        "is how alike the persona's own photographs are to each other, and that takes two at least. Add photographs."
    )


def terms(measures: Measures, *, seeds: int) -> dict[str, str]:
    """The words of the score, explained where they stand."""
    first = measures["embedders"][0]
    references, limit = measures["references"], first["threshold"]
    which = f"all {references['photographs']} photographs: none is held out, so a copy scores high"
    if references["held_out"]:
        which = f"the {references['photographs']} held-out photographs, which training never saw"
    few = ""
    if references["photographs"] < ENOUGH_PHOTOGRAPHS:
        few += f" Fewer than {ENOUGH_PHOTOGRAPHS} photographs to compare with make it too narrow."
    if seeds == 1:
        few += " One seed was drawn, so it tells nothing of other seeds."
    strangers = (
        "What the target people reach, who were not to be drawn: a score means something only above them."
    )
    if first["strangers"]["value"] is None:
        strangers = (
            "Not known: there are no target people. A score means something only above what strangers reach."
        )
    errors = ""
    if limit["eer"] is not None:
        errors = (
            f" On the photographs at hand it takes {percent(limit['false_accepts'])} of {limit['stranger_pairs']} pairs with a "
            f"stranger for the persona, and misses {percent(limit['false_rejects'])} of the persona's own {limit['same_pairs']} pairs."
        )
    silent = ", ".join(one["label"] for one in measures["embedders"] if not one["chooses"])
    return {
        "100 %": f"The ceiling: how alike the persona's own photographs are to each other, compared with {which}.",
        "In brackets": "The 95 % interval: with other seeds and photographs the figure would most likely be in it."
        + few,
        "Strangers": strangers,
        "Recognised": f"Drawn pictures whose similarity, measured by {first['label']}, is {limit['value']:.2f} or more.{errors} This "
        f"threshold is {limit['origin']}.",
        "Two scores": f"{first['label']} chooses among steps of training, so its own score is a little too kind; {silent} takes no "
        "part in choosing.",
    }


def weakness(measures: Measures, training: Mapping[str, float], *, class_word: str) -> Weakness | None:
    """The largest of the shortfalls; None where none is large. `training` is what training/metrics.json holds."""
    found = (
        _diverged(training),
        _faceless(measures),
        _copied(measures),
        _leak(measures, class_word),
        _unlike(measures),
        _disobeyed(measures),
    )
    worst = max(filter(None, found), key=lambda one: one.shortfall, default=None)
    return worst if worst and worst.shortfall >= LEAST_SHORTFALL else None


def _diverged(training: Mapping[str, float]) -> Weakness | None:
    before, after = training.get("probe_loss_before"), training.get("probe_loss_after")
    if before is None or after is None or after <= before:
        return None
    return Weakness(
        what=f"Training diverged: on the same images and noise the loss was {before:.3f} before it and {after:.3f} after it.",
        remedy="Lower train.optimizer.lr, or lengthen train.schedule.warmup_steps, and train again.",
        shortfall=1.0,  # whatever else is wrong comes of it
    )


def _faceless(measures: Measures) -> Weakness | None:
    faces = measures["faces"]
    wrong = faces["none"] + faces["several"]
    shown = "no face" if not faces["several"] else "no face or several" if faces["none"] else "several faces"
    return (
        wrong
        and Weakness(
            what=f"{wrong} of {faces['of']} drawn pictures show {shown}.",
            remedy="Draw with more steps or another base; where only the LoRA does it, train for fewer steps.",
            shortfall=wrong / faces["of"],
        )
    ) or None


def _copied(measures: Measures) -> Weakness | None:
    copied = measures["copying"]
    return (
        copied["copied"]
        and Weakness(
            what=f"{copied['copied']} of {copied['of']} drawn pictures repeat a training picture.",
            remedy="Train for fewer steps, with a lower rank, or with more different photographs.",
            shortfall=1.0,  # a copy is no picture of hers, however like her
        )
    ) or None


def _leak(measures: Measures, class_word: str) -> Weakness | None:
    test = measures["embedders"][0]["name_test"]
    if test is None or test["leak"]["value"] is None:
        return None
    leak = test["leak"]
    return Weakness(
        what=f"The name does little: “a {class_word}” alone draws {percent(leak['value'])} of what the LoRA adds{interval(leak)}.",
        remedy=f"Train with train.objective.preservation_weight, which holds “a {class_word}” to the base, or it draws every"
        f" {class_word} as the persona.",
        shortfall=min(1.0, max(0.0, leak["value"])),
    )


def _unlike(measures: Measures) -> Weakness | None:
    first = measures["embedders"][0]
    samples = first["samples"]
    if not samples["of"]:
        return None
    where = _least_alike(first)
    strangers, ceiling = first["strangers"]["value"], first["ceiling"]["value"]
    share, above = samples["share"]["value"], ""
    if strangers is not None and share is not None and strangers > share * ceiling:
        above = (
            f" The people of the targets reach {percent(strangers / ceiling)} of the ceiling, more than these pictures do: they "
            "look so like the persona that the score tells little and the threshold of recognition stands high."
        )
    photographs = "photographs with the head turned that way" if where else "photographs"
    return Weakness(
        what=f"{recognised(samples)} as the persona.{where}{above}",
        remedy=f"Add {photographs}, or train for more steps.",
        shortfall=1 - samples["recognised"] / samples["of"],
    )


def _least_alike(embedder: Measures) -> str:
    """` They are least alike with the head turned 15 to 30°: 59 % of the ceiling, against 85 % at 0 to 15°.`; empty where all
    turn alike."""
    turned = [row for row in embedder["by_yaw"] if row["similarity"] is not None]
    ceiling = embedder["ceiling"]["value"]
    if len(turned) < 2 or not ceiling:
        return ""
    worst, *_, best = sorted(turned, key=lambda row: row["similarity"])
    shares = [f"{percent(row['similarity'] / ceiling)}" for row in (worst, best)]
    return (
        f" They are least alike with the head turned {bin_words(worst['bin'])}: {shares[0]} of the ceiling, against "
        f"{shares[1]} at {bin_words(best['bin'])}."
    )


def _disobeyed(measures: Measures) -> Weakness | None:
    rows = [row for row in measures["adherence"]["samples"] if row["judged"]]
    base = {
        row["facet"]: row["followed"] / row["judged"]
        for row in measures["adherence"]["base"]
        if row["judged"]
    }
    lost = {row["facet"]: base.get(row["facet"], 0.0) - row["followed"] / row["judged"] for row in rows}
    worst = max(lost, key=lambda name: lost[name], default=None)
    return (
        worst
        and Weakness(
            what=f"The LoRA makes the base follow the prompt less: {worst}.",
            remedy="Caption what varies in the photographs, so that it is not learned as a part of the person; "
            "or train for fewer steps.",
            shortfall=lost[worst],
        )
    ) or None


def recognised(samples: Measures) -> str:
    """`1 of 12 drawn pictures is recognised`."""
    found = samples["recognised"]
    return f"{found} of {samples['of']} drawn pictures {'is' if found == 1 else 'are'} recognised"


def interval(estimate: Mapping[str, float | None]) -> str:
    """` (65 to 80)`, in percent; empty where there is none."""
    low, high = estimate["low"], estimate["high"]
    return "" if low is None or high is None else f" ({100 * low:.0f} to {100 * high:.0f})"
