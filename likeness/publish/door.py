"""Publication's door: measures every picture again before it is published, whatever a manifest says."""

import base64
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from likeness.config import Config
from likeness.errors import InputError
from likeness.publish.choose import ALL_OF_THE_SET, Chosen, Withheld
from likeness.publish.copies import PAGE_PICTURE, PICTURES
from likeness.safety.consent import Consent
from likeness.safety.gates import Door, rating
from likeness.safety.measurements import Measurements
from likeness.safety.pictures import refuse_picture

UNSEEN = re.compile(
    rb"data:[\w/+.-]+[;,]|(?:src|srcset|poster)\s*=\s*[\"']?\s*(?:\w+:)?//|url\(", re.IGNORECASE
)
"""A report shows its pictures as JPEG: what else a browser would show or fetch, nobody here has looked at."""

IMAGES, CAPTIONS, SAMPLES = "images/", "captions/", "evaluation/samples/"


@dataclass(frozen=True)
class PublicationDoor:
    """By which settings pictures leave, whose they are, and what measures them."""

    cfg: Config
    consent: Consent
    measures: Measurements

    def admit(self, chosen: Chosen) -> Chosen:
        """What is left of the files that may leave: a refused picture stays here with its caption; with one of the training
        set all that is made of it."""
        files, withheld = dict(chosen.files), list(chosen.withheld)
        for name, path in chosen.files.items():
            door: Door = "drawn picture" if name.startswith(SAMPLES) else "publication"
            if name.startswith((IMAGES, SAMPLES)) and (why := self._refusal(door, path.read_bytes(), name)):
                withheld.append(Withheld(str(path), why))
                for gone in (name, f"{CAPTIONS}{Path(name).stem}.txt"):
                    files.pop(gone, None)
        for name, path in chosen.files.items():
            if path.suffix == ".zip" and (why := next(self._archive(path), None)):
                withheld.append(Withheld(ALL_OF_THE_SET, why))
                files = {one: at for one, at in files.items() if one.startswith((IMAGES, CAPTIONS, SAMPLES))}
            if path.suffix == ".html" and name in files and (why := next(self._page(path), None)):
                withheld.append(Withheld(str(path), why))
                files.pop(name)
        return Chosen(files=files, withheld=tuple(withheld))

    def _archive(self, path: Path) -> Iterator[str]:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.endswith(PICTURES):
                    continue
                if why := self._refusal("publication", archive.read(name), name):
                    yield f"{name}: {why}"

    def _page(self, path: Path) -> Iterator[str]:
        """The report shows photographs, too, of people whom the licences cover: of theirs no face is compared."""
        page = path.read_bytes()
        if UNSEEN.search(PAGE_PICTURE.sub(b"", page)):
            yield "it shows a picture that is none of the report's JPEGs"
        for number, found in enumerate(PAGE_PICTURE.findall(page), start=1):
            if why := self._refusal("delivery", base64.b64decode(found), f"picture {number} of the report"):
                yield f"picture {number}: {why}"

    def _refusal(self, door: Door, data: bytes, name: str) -> str | None:
        ingest, embedder = self.cfg.ingest, self.cfg.faces.embedder
        limit = ingest.max_explicit
        try:
            seen = self.measures.of(data, name=name)
            refuse_picture(door, seen, self.consent, what="it", max_explicit=limit, embedder=embedder)
        except InputError as error:
            return error.message
        word = rating(seen["explicit"], review_explicit=ingest.review_explicit, max_explicit=limit)
        return None if word == "sfw" else f"it is rated {word}, not sfw, when it is measured again"
