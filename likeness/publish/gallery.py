"""Puts a person's weights where a gallery reads them, by sha256, with the facts that the gallery needs.

Layout in FOLDER/versions: SHA256.safetensors, and last PERSONA-SHA256.json, which names it. The gallery reads it by itself
(gallery/people/layout.py); nothing here knows the gallery.
"""

import json
from pathlib import Path

from likeness.config import Config
from likeness.digests import sha256_file
from likeness.disk import copy_atomic, write_atomic
from likeness.errors import InputError
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.publish.choose import choose, published_name
from likeness.publish.origins import refuse_changed
from likeness.safety.consent import Consent, in_force
from likeness.store import team_store


def lay_out(cfg: Config, record: Consent, folder: Path) -> Path:
    """Lay the persona's weights out below `folder`, through the door of `choose`; gives the file that names them.

    Raises:
        ConsentError: the record is not in force for drawing.
        InputError: `withheld`: the training set lets no weights leave; also as `choose` and `refuse_changed`.
    """
    repository, paths = RepositoryPaths.here(), PersonaPaths(record.persona)
    in_force(repository.root, record.persona, ("generate",), place=team_store(cfg))
    chosen = choose(paths, record.id)
    if paths.weights not in chosen.files.values():
        raise InputError(f"{paths.weights} stays here: {'; '.join(one.why for one in chosen.withheld)}", reason="withheld",
                         remedy="remove what the training set's manifest does not rate sfw, then `dvc repro`")  # fmt: skip
    refuse_changed({paths.weights.name: paths.weights}, repository)
    digest, persona, versions = sha256_file(paths.weights), cfg.persona(record.persona), folder / "versions"
    weights = versions / f"{digest}.safetensors"
    if not weights.is_file() or sha256_file(weights) != digest:
        copy_atomic(paths.weights, weights)
    says = {
        "persona": record.persona, "name": f"{Path(published_name(paths)).stem} {digest[:8]}", "consent_id": record.id,
        "consent_sha256": sha256_file(repository.consent / f"{record.persona}.yaml"), "weights_sha256": digest,
        "trigger": persona.trigger, "class_word": persona.class_word,
    }  # fmt: skip
    named = versions / f"{record.persona}-{digest}.json"
    write_atomic(named, (json.dumps(says, indent=1, sort_keys=True) + "\n").encode())
    return named
