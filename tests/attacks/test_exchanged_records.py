"""Attacks on records that were exchanged for others, and on their terms."""

import datetime
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from conf_sections import settings
from consent_clone import USES, Clock, allowed, end
from records import RECORD, write
from signing import STRANGER, edit_and_sign, sign_as_test

from likeness.cli.consent_records import renew
from likeness.config import Config, ItemsConfig
from likeness.errors import ConsentError
from likeness.key_files import public_text, settings_folder
from likeness.paths import RepositoryPaths
from likeness.persona import Persona
from likeness.publish import publish
from likeness.run import Run
from likeness.safety.consent import in_force, load_consent
from likeness.safety.consent.revocations import (
    CLOCK,
    state_folder,
)
from likeness.safety.consent.signing import ALLOWED


def the_face_of_another(folder: Path) -> None:
    fields = yaml.safe_load((folder / "mia.yaml").read_text())
    fields["face"]["embedding"] = RECORD["face"]["embedding"][::-1].lstrip("=") + "=" * RECORD["face"][
        "embedding"
    ].count("=")
    (folder / "mia.yaml").write_text(yaml.safe_dump(fields))


def evidence_of_another(folder: Path) -> None:
    (folder / "mia.pdf").write_bytes(b"%PDF-1.7 another release")


def evidence_as_link(folder: Path) -> None:
    (folder / "mia.pdf").rename(folder.parent / "elsewhere.pdf")
    (folder / "mia.pdf").symlink_to(folder.parent / "elsewhere.pdf")


def record_as_link(folder: Path) -> None:
    (folder / "mia.yaml").rename(folder.parent / "mia.yaml")
    (folder / "mia.yaml").symlink_to(folder.parent / "mia.yaml")


def the_signer_removed(folder: Path) -> None:
    del folder
    (settings_folder() / ALLOWED).write_text(f"{public_text(STRANGER)} another\n")


def the_signature_of_another_record(folder: Path) -> None:
    shutil.copyfile(folder / "mia.yaml", folder.parent / "before.yaml")
    edit_and_sign(folder, "mia", subject="Another Person")
    other = yaml.safe_load((folder / "mia.yaml").read_text())["signature"]
    fields = yaml.safe_load((folder.parent / "before.yaml").read_text()) | {"signature": other}
    (folder / "mia.yaml").write_text(yaml.safe_dump(fields))


def the_record_of_another_persona(folder: Path) -> None:
    edit_and_sign(folder, "mia", subject="Mia")
    text = (folder / "mia.yaml").read_text()
    (folder / "mia.yaml").write_text(text.replace("persona: mia", "persona: ann"))


def the_term_twice(folder: Path) -> None:
    path = folder / "mia.yaml"
    path.write_text(path.read_text() + "expires: 2028-01-01\n")


def renewed_with_another_face(folder: Path) -> None:
    """`renew` keeps the face; who exchanges it before the signature is stopped at the photographs, after it here."""
    (folder.parent / "new.pdf").write_bytes(b"%PDF-1.7 the next term")
    renew("mia", evidence=folder.parent / "new.pdf", signed="2026-11-20", expires="2027-11-20")
    sign_as_test(folder, "mia")
    the_face_of_another(folder)


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (the_face_of_another, "consent-signature"), (renewed_with_another_face, "consent-signature"),
        (evidence_of_another, "consent-evidence"), (evidence_as_link, "consent-evidence"),
        (record_as_link, "consent-invalid"), (the_signer_removed, "consent-stranger"),
        (the_signature_of_another_record, "consent-signature"), (the_record_of_another_persona, "consent-invalid"),
        (the_term_twice, "consent-invalid"),
    ],
    ids=lambda given: getattr(given, "__name__", given),
)  # fmt: skip
def test_a_record_that_was_exchanged_is_refused(repository, attack, reason, monkeypatch, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(settings_folder(), home)
    monkeypatch.setenv("LIKENESS_HOME", str(home))
    attack(repository / "consent")
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == reason


def test_a_second_record_of_a_persona_is_not_read(repository):
    end(repository)
    folder = repository / "consent"
    fields = yaml.safe_load((folder / "mia.yaml").read_text())
    fields |= {"id": "mia-again", "revoked": None}
    for name in ("mia.yml", "MIA.yaml", "mia.2.yaml", "mia.yaml.orig"):
        (folder / name).write_text(yaml.safe_dump(fields))
    assert not allowed(repository)


@pytest.mark.parametrize(
    ("day", "reason"),
    [("2026-01-01", "consent-not-yet"), ("2028-01-01", "consent-expired")],
)
def test_a_term_that_has_not_begun_or_has_ended(repository, day, reason):
    (state_folder(repository) / CLOCK).unlink(missing_ok=True)
    Clock.day = datetime.date.fromisoformat(day)
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == reason


@pytest.mark.parametrize("expires", ["2028-01-03", "2036-01-02", "9999-12-31", None])
def test_a_real_persons_term_is_two_years_at_most(tmp_path, expires):
    folder = write(tmp_path, RECORD | {"signed": "2026-01-02", "expires": expires})
    with pytest.raises(ConsentError, match="within 24 months"):
        load_consent(folder, "mia")


# ---- while a stage is at work


def a_run(repository: Path) -> Run:
    config = Config.model_construct(items=settings(ItemsConfig, "items/local.yaml"))
    persona = settings(Persona, "persona/jade.yaml", name="mia")
    run = Run(stage="train", config=config, persona=persona, repository=RepositoryPaths(repository))
    run.require("train")
    return run


@pytest.mark.parametrize(
    "changes",
    [{"photos": {}}, {"scope": ["train"]}, {"id": "mia-2026-99"}, {"expires": "2027-12-30"}, {"subject": "Mia Another"}],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
@pytest.mark.parametrize("midway", [True, False])
def test_work_ends_where_the_record_is_not_the_one_that_it_began_under(repository, changes, midway):
    """DVC notes the record that lies there when a stage ends: what was made under another would pass for made under it."""
    run = a_run(repository)
    edit_and_sign(repository / "consent", "mia", **changes)
    in_force(repository, "mia", ("train",))
    with pytest.raises(ConsentError) as caught:
        run.require("train", midway=midway)
    assert caught.value.reason == "consent-changed"


def test_work_ends_where_a_target_was_taken_out_of_the_list(repository):
    run, path = a_run(repository), repository / "consent/mia.targets.yaml"
    fields = yaml.safe_load(path.read_text())
    del fields["photos"]["t.jpg"]
    path.write_text(yaml.safe_dump(fields))
    sign_as_test(repository / "consent", "mia")
    with pytest.raises(ConsentError) as caught:
        run.require("train")
    assert caught.value.reason == "consent-changed"


def test_a_remark_in_the_record_ends_no_work(repository):
    run, path = a_run(repository), repository / "consent/mia.yaml"
    path.write_text(f"# asked again on the phone\n{path.read_text()}")
    sign_as_test(repository / "consent", "mia")
    run.require("train")


def test_nothing_is_published_under_another_record_than_was_chosen_for(repository):
    cfg = SimpleNamespace(items=SimpleNamespace(remote=None), publish=SimpleNamespace(url=None))
    record = load_consent(repository / "consent", "mia")
    edit_and_sign(repository / "consent", "mia", photos={})
    with pytest.raises(ConsentError) as caught:
        publish(cfg, record, dry_run=True)
    assert caught.value.reason == "consent-changed"
