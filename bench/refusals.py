"""How many of synthetic strangers' portraits ingest refuses, and why: `python -m bench.refusals FACES_ZIP [MOST]`

One portrait an identity, read and measured as any photograph, as a target with a licence (a source would be compared with the
persona). Twice: with an adult attested, as a record does for whom it names, and with none, as for a stranger in the picture.
Prints the refused by reason, as JSON, and each of them on stderr.
"""

import json
import sys
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.strangers import first_of_each
from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.ingest import IngestConfig
from likeness.ingest.analyse import analyse
from likeness.ingest.checks import Candidate, refusal_of
from likeness.ingest.limits import limits_of
from likeness.ingest.models import local_instruments
from likeness.ingest.raw import RawPhoto
from likeness.ingest.records import Measured
from likeness.safety.floors import ADULT_YEARS
from likeness.safety.identity import Vectors
from likeness.strict_yaml import read_yaml


@dataclass(frozen=True)
class Licensed:
    """Attestations of a target whose release says how old its person is at least, or does not."""

    years: int | None

    @property
    def face_vectors(self) -> Vectors:
        return {}

    def attested_age(self, role: object, file_name: str, sha256: str) -> int | None:
        return self.years

    def target_licence(self, file_name: str, sha256: str) -> str:
        return "CC0"

    def covers_photo(self, role: object, file_name: str, sha256: str) -> bool:
        return True

    def listed_sha256(self, role: object, file_name: str) -> None:
        return None


def main(archive: str, most: str = "500") -> None:
    """Measure and print."""
    values = read_yaml(Path("conf/ingest/default.yaml"), remedy="")
    cfg = IngestConfig.model_validate(values)
    limits, instruments = limits_of(cfg), local_instruments()
    sides = {"adult attested": Licensed(ADULT_YEARS), "nothing attested": Licensed(None)}
    refused = {name: Counter[str]() for name in sides}
    with zipfile.ZipFile(archive) as zipped, tempfile.TemporaryDirectory() as folder:
        names = first_of_each(zipped)[: int(most)]
        for number, name in enumerate(names):
            path = Path(folder) / Path(name).name
            path.write_bytes(data := zipped.read(name))
            digest = sha256_bytes(data)
            try:
                made = analyse(path, digest, limits, instruments)
            except InputError as error:
                for counts in refused.values():
                    counts[error.reason] += 1
                continue
            finally:
                path.unlink()
            raw = RawPhoto(role="target", number=number, path=path, held_out=False)
            measured = Measured.model_validate(made.record)
            photo = Candidate(raw=raw, sha256=digest, look=lambda measured=measured: measured)
            for side, attested in sides.items():
                if refusal := refusal_of(photo, cfg, attested):
                    refused[side][refusal.reason] += 1
                    sys.stderr.write(f"{name}: {side}: {refusal.reason}: {refusal.detail}\n")
    sys.stdout.write(json.dumps({"portraits": len(names), "refused": refused}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
