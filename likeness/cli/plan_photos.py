"""plan, first part: which photographs ingest accepts and which pairs swap chooses, from stored items alone.

Nothing is made. Where ingest has not seen a raw file yet, only the numbers of files are known, and the most that can
come of them. The light on a photo (likeness/swap/lighting.py) is measured here while no swap has asked for it yet.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from likeness.config import Config, Persona
from likeness.ingest import entries
from likeness.ingest.analyse import FACE, PHOTO
from likeness.ingest.models import local_instruments
from likeness.ingest.raw import list_raw
from likeness.ingest.select import Selection, persona_json, select
from likeness.pipeline.batch import outcome_of
from likeness.run import Run
from likeness.store.items import Item, ItemStore
from likeness.swap import SwapConfig
from likeness.swap.inputs import Photo, by_role, traits_key
from likeness.swap.items import SwapThresholds
from likeness.swap.lighting import Traits, measure
from likeness.swap.pairs import Candidate, choose_pairs

# Items looked up at a time: files to read and hash, or a team's store to ask.
LOOKS_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The photographs that go down as they are, the pairs to swap, what the swaps are judged by, and the sha256 of
    each photo's pixels by its id."""

    kept: Sequence[Photo]
    pairs: Sequence[tuple[Photo, Photo]]
    standards: SwapThresholds
    pixels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """Raw files, how many of them ingest has measured, the most own photographs and swaps that can come of them,
    and, when all are measured, what exactly does."""

    files: int
    measured: int
    most_kept: int
    most_pairs: int
    chosen: Chosen | None


def look(items: ItemStore, keys: Sequence[str | None]) -> list[Item | None]:
    """The stored items of keys; None for what is not stored and for a key that is not known yet."""

    def get(key: str | None) -> Item | None:
        return None if key is None else items.get(key)

    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        return list(pool.map(get, keys))


def ingested(run: Run, items: ItemStore) -> Ingested:
    """What is known of the raw photographs as they are now.

    Raises:
        ConfigError, ConsentError: ingest would not start.
    """
    cfg, persona = run.config, run.persona
    raws = list_raw(run.paths, persona.held_out)
    files, _ = entries.hash_files(persona.name, raws)
    works = entries.works_for(persona.name, files, entries.limits_of(cfg.ingest), local_instruments())
    found = look(items, [work.key for work in works])
    stored = {work.id: item for work, item in zip(works, found, strict=True) if item is not None}
    chosen = None
    if len(stored) == len(works):
        photos, _ = entries.candidates_of(files, [outcome_of(work, stored[work.id]) for work in works])
        selection = select(photos, cfg.ingest, run.consent, source_min=persona.similarity.source_min)
        chosen = _chosen(cfg, persona, selection, stored, items)
    sources = sum(raw.role == "source" and not raw.held_out for raw in raws)
    targets = sum(raw.role == "target" for raw in raws)
    return Ingested(
        files=len(works),
        measured=len(stored),
        most_kept=sources if cfg.swap.include_sources else 0,
        most_pairs=targets * _most_sources(sources, cfg.swap),
        chosen=chosen,
    )


def _most_sources(sources: int, swap: SwapConfig) -> int:
    return sources if swap.pairs == "all" else min(sources, swap.sources_per_target)


def _chosen(
    cfg: Config, persona: Persona, selection: Selection, stored: Mapping[str, Item], items: ItemStore
) -> Chosen:
    photos: list[Photo] = []
    pixels: dict[str, str] = {}
    for candidate in selection.accepted:
        item = stored[entries.photo_id(persona.name, candidate.raw)]
        entry, _ = entries.entry_of(persona.name, candidate, item, cfg.ingest, selection)
        photos.append(Photo.read(entry, item.files[PHOTO].path, item.files[FACE].path))
        pixels[entry.id] = candidate.measured.pixels_sha256
    sources, targets = by_role(photos)
    known = _candidates({**sources, **targets}, items)
    pairs, _ = choose_pairs(
        persona.name, {s: known[s] for s in sources}, {t: known[t] for t in targets}, cfg.swap
    )
    standards = SwapThresholds.of(
        persona_json(selection),
        swap_min=persona.similarity.swap_min, target_max=persona.similarity.target_max,
        review_explicit=cfg.ingest.review_explicit, max_explicit=cfg.ingest.max_explicit,
    )  # fmt: skip
    return Chosen(
        kept=list(sources.values()) if cfg.swap.include_sources else [],
        pairs=[(sources[s], targets[t]) for s, t in pairs],
        standards=standards,
        pixels=pixels,
    )


def _candidates(photos: Mapping[str, Photo], items: ItemStore) -> dict[str, Candidate]:
    """What the choice of pairs looks at; measuring a photo takes a moment and costs nothing."""
    found = look(items, [traits_key(photo) for photo in photos.values()])
    return {
        label: Candidate(
            face=photo.face,
            traits=measure(photo.portrait()) if item is None else Traits.model_validate(item.record),
        )
        for (label, photo), item in zip(photos.items(), found, strict=True)
    }
