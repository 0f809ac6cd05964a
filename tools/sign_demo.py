"""Sign the records of the repository's synthetic people anew: `python -m tools.sign_demo`.

For whoever changes a record of jade or a photograph of hers. It writes the sha256 of every photograph into the record,
makes a key, signs, writes the public half to likeness/safety/consent/generator_key.py and forgets the private half. What
the signature proves is that record and photographs are those of the commit that holds the key, and no more.
"""

import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import likeness.safety.consent.generator_key as generator_key
from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.ingest.listing import photographs
from likeness.key_files import public_text
from likeness.paths import PersonaPaths
from likeness.safety.consent.write import set_field, sign_file

BY = "likeness"
PERSONAS = ("jade",)


def main() -> None:
    """Sign all of PERSONAS with one key."""
    folder, key = Path("consent"), Ed25519PrivateKey.generate()
    for persona in PERSONAS:
        photos, _ = photographs(PersonaPaths(persona).raw_sources)
        set_field(folder, persona, "photos", {path.name: {"sha256": sha256_file(path)} for path in photos})
        sign_file(folder, persona, key, BY)
    code = Path(generator_key.__file__)
    text = code.read_text(encoding="utf-8")
    assert generator_key.GENERATOR_KEY in text
    write_atomic(code, text.replace(generator_key.GENERATOR_KEY, public_text(key)).encode())
    sys.stderr.write(
        f"sign_demo: {', '.join(PERSONAS)} signed with {public_text(key)}, a key of this one use\n"
    )


if __name__ == "__main__":
    main()
