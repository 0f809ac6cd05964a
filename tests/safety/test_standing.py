"""Consent in the middle of a training, by what the team's store says of it, or fails to say."""

import datetime

import pytest
import torch
from consent_clone import USES
from records import write

from likeness.errors import ConsentError, TransientError
from likeness.safety.consent import in_force, load_consent, still_in_force
from likeness.safety.consent.revocations import Revocation, share
from likeness.store.s3 import Remote
from likeness.train.native.checkpoint import RunFolder


class Store(Remote):
    """One that does not answer while `away`."""

    away = False

    def read(self, name: str) -> bytes | None:
        if self.away:
            raise TransientError("the store does not answer")
        return super().read(name)


def test_a_store_that_is_away_ends_no_training_and_a_revocation_in_it_ends_it_at_the_next_checkpoint(
    tmp_path, capsys
):
    repository, store = tmp_path / "repository", Store((tmp_path / "store").as_uri())
    repository.mkdir()
    write(repository)
    record = load_consent(repository / "consent", "mia")
    folder = RunFolder(tmp_path / "run", key="a" * 64, kept=9,
                       permit=lambda: still_in_force(repository, "mia", USES, place=store))  # fmt: skip
    in_force(repository, "mia", USES, place=store)

    def steps() -> list[str]:
        return [path.stem[-2:] for path in sorted((tmp_path / "run").glob("step-*.safetensors"))]

    folder.save(10, {"lora.a": torch.zeros(1)})
    share(store, Revocation(id=record.id, persona="mia", date=datetime.datetime.now(datetime.UTC).date()))
    store.away = True
    folder.save(20, {"lora.a": torch.zeros(1)})
    assert "the store does not answer; it is asked again at the next checkpoint" in capsys.readouterr().err
    # Weights get no name meanwhile, and nothing begins.
    with pytest.raises(TransientError):
        in_force(repository, "mia", USES, place=store)
    store.away = False
    with pytest.raises(ConsentError) as caught:
        folder.save(30, {"lora.a": torch.zeros(1)})
    assert (caught.value.reason, steps()) == ("consent-revoked", ["10", "20"])
    # What was learned once is known without the store, too.
    store.away = True
    with pytest.raises(ConsentError):
        folder.save(40, {"lora.a": torch.zeros(1)})
