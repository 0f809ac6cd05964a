"""Which weights are good enough for a version: each limit of conf/choice/ is met, missed, unknown or not applied."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from likeness.evaluate import ChoiceConfig
from likeness.evaluate.adherence import share_followed
from likeness.formatting import percent

Measures = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Floor:
    """One floor: its setting, what people call it, what was asked and measured (shares; None: not asked, not known), and
    whether it is kept, None where it is not asked."""

    setting: str
    words: str
    limit: float | None
    value: float | None
    kept: bool | None

    @property
    def sentence(self) -> str:
        """`leak of the name 97 %, at most 50 % (choice.max_leak)`."""
        value = "not known" if self.value is None else percent(self.value)
        way = "at least" if self.setting.startswith("min") else "at most"
        asked = (
            f"{way} {percent(self.limit)}, choice.{self.setting}" if self.limit is not None else "not asked"
        )
        return f"{self.words} {value} ({asked})"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether every floor that is asked is kept, and each of them."""

    accepted: bool
    embedder: str
    floors: tuple[Floor, ...]

    @property
    def share(self) -> float:
        """What is the largest of the chosen; less than any where it is not known."""
        value = next((one.value for one in self.floors if one.setting == "min_share"), None)
        return -1.0 if value is None else value

    def values(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def verdict(measures: Measures, choice: ChoiceConfig) -> Verdict:
    """The verdict on what was measured (`measures` of details.json)."""
    by = next((one for one in measures["embedders"] if one["key"] == choice.embedder), None)
    floors = tuple(_floor(choice, name, words, read(measures, by)) for name, (words, read) in FLOORS.items())
    accepted = all(one.kept is not False for one in floors)
    return Verdict(accepted=accepted, embedder=choice.embedder, floors=floors)


def _floor(choice: ChoiceConfig, setting: str, words: str, value: float | None) -> Floor:
    limit = getattr(choice, setting)
    kept = None
    if limit is not None:
        kept = value is not None and (value >= limit if setting.startswith("min") else value <= limit)
    return Floor(setting=setting, words=words, limit=limit, value=value, kept=kept)


def _share(measures: Measures, by: Any) -> float | None:
    return by and by["samples"]["share"]["value"]


def _one_face(measures: Measures, by: Any) -> float | None:
    faces = measures["faces"]
    wrong = faces["none"] + faces["several"]
    return round(1 - wrong / faces["of"], 4) if faces["of"] else None


def _variety(measures: Measures, by: Any) -> float | None:
    """The median of the measures' spreads, each as a share of the base's."""
    rows = [row for row in measures["variety"] if row["samples"] is not None and row["base"]]
    ratios = [row["samples"] / row["base"] for row in rows]
    return round(statistics.median(ratios), 4) if ratios else None


def _adherence(measures: Measures, by: Any) -> float | None:
    with_lora, base = (share_followed(measures["adherence"][name]) for name in ("samples", "base"))
    return round(with_lora / base, 4) if with_lora is not None and base else None


def _leak(measures: Measures, by: Any) -> float | None:
    return by and by["name_test"] and by["name_test"]["leak"]["value"]


def _copied(measures: Measures, by: Any) -> float | None:
    copying = measures["copying"]
    return round(copying["copied"] / copying["of"], 4) if copying["measured"] and copying["of"] else None


FLOORS: Mapping[str, tuple[str, Callable[[Measures, Any], float | None]]] = {
    "min_share": ("share of the ceiling", _share),
    "min_one_face": ("pictures with exactly one face", _one_face),
    "min_variety": ("variety, of the base's", _variety),
    "min_adherence": ("prompts followed, of the base's", _adherence),
    "max_leak": ("leak of the name", _leak),
    "max_copied": ("pictures that repeat a training picture", _copied),
}
