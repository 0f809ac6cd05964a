"""Whose weights draw, or are trained on: they say under which consent record they were made."""

from collections.abc import Collection, Mapping

from likeness.errors import ConsentError

CONSENT_ID = "likeness.consent_id"


def refuse_others(said: Mapping[str, str], consent_ids: Collection[str | None], *, what: str) -> None:
    """Refuse weights whose metadata, `said`, name another consent record than one of these. Weights that name none were made by
    another program: whom they draw, nothing tells.

    Raises:
        ConsentError: `another-consent`; `what` begins the message.
    """
    told = said.get(CONSENT_ID)
    if told is not None and told not in consent_ids:
        expected = " or ".join(one for one in consent_ids if one)
        raise ConsentError(
            f"{what}: it was trained under the consent record {told}, not {expected}",
            reason="another-consent",
            remedy="take a LoRA of the same person; where this one should be the graph's own, `dvc repro` trains it anew",
        )
