"""Refuses weights that do not name the consent record they were made under, before they draw, are trained on or are
published."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from likeness.errors import ConsentError
from likeness.lora.safetensors_io import find_weights, read_header
from likeness.lora.said import CONSENT_ID
from likeness.lora.signature import refuse_changed
from likeness.safety.consent.revocations import revocations

if TYPE_CHECKING:  # `check` asks these doors before it starts a run
    from likeness.run import Run

ANOTHER_LORA = (
    "take a LoRA of the same person; where this one should be the graph's own, `dvc repro` trains it anew"
)


def refuse_others(
    said: Mapping[str, str],
    consent_ids: Collection[str | None],
    *,
    what: str,
    remedy: str = ANOTHER_LORA,
    unnamed: bool = True,
) -> None:
    """Refuse weights whose metadata, `said`, name another consent record than one of these. Weights that name none were made by
    another program: whom they draw, nothing tells. They may draw here where `unnamed`; nothing unnamed leaves.

    Raises:
        ConsentError: `another-consent`; `what` begins the message.
    """
    named = said.get(CONSENT_ID)
    if unnamed if named is None else named in consent_ids:
        return
    expected = " or ".join(one for one in consent_ids if one)
    raise ConsentError(
        f"{what}: it was trained under the consent record {named}, not {expected}"
        if named
        else f"{what}: it names no consent record, and has to name {expected}",
        reason="another-consent",
        remedy=remedy,
    )


def refuse_revoked(said: Mapping[str, str], repository: Path, *, what: str) -> None:
    """Refuse weights of any place whose metadata, `said`, name a consent that this clone's list says was revoked; git's history is not
    asked anew (learn_from_git).

    Raises:
        ConsentError: `consent-revoked`; `what` begins the message.
    """
    if CONSENT_ID not in said:
        return
    if ended := next((one for one in revocations(repository) if one.id == said[CONSENT_ID]), None):
        raise ConsentError(
            f"{what}: the consent {ended.id} that it was trained under was revoked on {ended.date}",
            reason="consent-revoked",
            remedy="delete the file, and ask those who have copies to",
        )


def refuse_weights_of_others(run: Run, weights: Path) -> None:
    """See that weights are of the person whom the run draws, by what they say.

    Raises:
        ConsentError: they were trained under the consent record of somebody else, or under one that was revoked, whatever record
            renews it.
        InputError: they are no weights file, or not the one that was signed.
    """
    file, _ = find_weights(weights)
    said = read_header(file).metadata
    refuse_changed(file)
    refuse_revoked(said, run.repository.root, what=str(weights))
    refuse_others(said, (run.consent.id, run.consent.renews), what=str(weights))
