"""Another person's weights in the place of this one's: nothing draws with them under this one's consent."""

import datetime
from pathlib import Path

import pytest
from comfy_runs import config as comfy_config
from evaluation_runs import PERSONA, config, ready_folders
from persona_folders import Folders
from runs import run_of
from safetensors.torch import load_file

from likeness.cli.compare import draw_sides
from likeness.comfy.trial import run_trial
from likeness.errors import ConsentError, InputError
from likeness.evaluate.asked import draw_asked
from likeness.lora.door import refuse_weights_of_others
from likeness.lora.safetensors_io import read_header, weights_bytes
from likeness.lora.signature import sign_weights
from likeness.marks.keys import development_key
from likeness.safety.consent.revocations import Revocation, revoke
from likeness.versions.sides import sides
from stages import evaluate

NEVER = None  # what draws and looks is not reached


@pytest.fixture
def folders(in_tmp, monkeypatch) -> Folders:
    made = ready_folders(in_tmp, monkeypatch)
    monkeypatch.setattr("likeness.evaluate.draw.generate", NEVER)
    return made


def says(path: Path, consent_id: str) -> Path:
    """The weights, which say that they were trained under this record."""
    path.write_bytes(weights_bytes(load_file(path), {"likeness.consent_id": consent_id}))
    return path


def evaluated(folders: Folders) -> None:
    evaluate.main(run_of("evaluate", config(), PERSONA))


def step_judged(folders: Folders) -> None:
    step = folders.places.checkpoints / "jade-v1-step-000001.safetensors"
    step.parent.mkdir(parents=True)
    folders.places.weights.rename(step)
    says(step, "mia-2026-01")
    run = run_of("evaluate", config(), PERSONA)
    refuse_weights_of_others(run, run.paths.checkpoints_by_step()[1])


def asked(folders: Folders) -> None:
    draw_asked(run_of("evaluate", config(), PERSONA), NEVER, "jade woman", [5])


def compared(folders: Folders) -> None:
    run = run_of("evaluate", config(), PERSONA)
    draw_sides(run, sides([str(folders.places.weights), str(folders.places.weights)], "jade"), [1.0])


def tried_in_comfyui(folders: Folders) -> None:
    run_trial(run_of("evaluate", comfy_config("http://127.0.0.1:9"), PERSONA), NEVER, NEVER, NEVER)


DOORS = {
    "the stage evaluate": evaluated, "a kept step": step_judged, "likeness draw": asked, "likeness compare": compared,
    "likeness comfy test": tried_in_comfyui,
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_weights_of_another_record_draw_nothing(folders, door):
    says(folders.places.weights, "mia-2026-01")
    with pytest.raises(ConsentError) as refused:
        door(folders)
    assert refused.value.reason == "another-consent"
    assert "mia-2026-01" in str(refused.value)


def test_a_run_that_was_opened_before_the_end_draws_nothing_after_it(folders):
    """A notebook holds its run, and the base, for days."""
    run = run_of("evaluate", config(), PERSONA)
    assert run.consent.id
    record = run.repository.consent / "jade.yaml"
    record.write_text(record.read_text() + "revoked: 2026-11-29\n")
    with pytest.raises(ConsentError, match="revoked") as refused:
        draw_asked(run, NEVER, "jade woman", [5])
    assert refused.value.reason == "consent-revoked"


def merged_with_another(path: Path) -> None:
    """As merging tools do that keep the first file's metadata."""
    tensors = {name: tensor + 1 for name, tensor in load_file(path).items()}
    path.write_bytes(weights_bytes(tensors, read_header(path).metadata))


def called_by_another_record(path: Path) -> None:
    path.write_bytes(
        weights_bytes(load_file(path), read_header(path).metadata | {"likeness.consent_id": "jade-2099-01"})
    )


@pytest.mark.parametrize(
    "change", [merged_with_another, called_by_another_record], ids=lambda one: one.__name__
)
def test_signed_weights_that_were_changed_draw_nothing(folders, tmp_path, change):
    weights = tmp_path / "jade-v1.safetensors"
    says(folders.places.weights, run_of("evaluate", config(), PERSONA).consent.id)
    sign_weights(folders.places.weights, weights, {}, development_key(tmp_path / "keys"))
    run = run_of("evaluate", config(), PERSONA)
    refuse_weights_of_others(run, weights)
    change(weights)
    with pytest.raises(InputError) as refused:
        refuse_weights_of_others(run, weights)
    assert refused.value.reason == "changed-after-signing"


def test_weights_of_the_term_before_still_draw(folders, monkeypatch):
    run = run_of("evaluate", config(), PERSONA)
    renewed = run.consent.model_copy(update={"id": "jade-2028-01", "renews": run.consent.id})
    says(folders.places.weights, run.consent.id)
    vars(run)["consent"] = renewed
    refuse_weights_of_others(run, folders.places.weights)


def test_weights_of_a_revoked_term_draw_nothing_whatever_record_renews_it(folders):
    run = run_of("evaluate", config(), PERSONA)
    vars(run)["consent"] = run.consent.model_copy(update={"id": "jade-2028-01", "renews": "jade-2026-01"})
    says(folders.places.weights, "jade-2026-01")
    refuse_weights_of_others(run, folders.places.weights)
    revoke(
        run.repository.root, Revocation(id="jade-2026-01", persona="jade", date=datetime.date(2026, 11, 30))
    )
    with pytest.raises(ConsentError, match="was revoked on 2026-11-30"):
        refuse_weights_of_others(run, folders.places.weights)
