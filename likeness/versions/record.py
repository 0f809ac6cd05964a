"""The versions of a persona's weights: which were accepted, by which rule, and what they scored.

models/PERSONA/versions.json is committed; the weights' bytes are DVC's, named by their digest in the commit's dvc.lock, and a
copy under the version's own name lies in models/PERSONA/versions/. No times stand in either: git has them.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from likeness.digests import sha256_file
from likeness.disk import refuse_links_to_nothing
from likeness.dvc_files import cache_folder, cached
from likeness.errors import InputError
from likeness.git import CONFLICT
from likeness.paths import PersonaPaths
from likeness.settings import Record


class Version(Record):
    """One accepted version. `of` is the revision that was named; `dataset` the digest of its training set, `rule` the floors of
    conf/choice/ as they were asked, `why` the same in a sentence."""

    version: int
    name: str
    of: str
    sha256: str
    md5: str
    dataset: str | None
    trained_with: dict[str, str]
    scores: dict[str, Any]
    rule: dict[str, Any]
    why: str


def read_versions(paths: PersonaPaths) -> list[Version]:
    """The accepted versions, first to last.

    Raises:
        InputError: versions.json does not read.
        DiskError: it is a link to nothing: numbers would begin anew.
    """
    refuse_links_to_nothing(paths.versions_file)
    if not paths.versions_file.is_file():
        return []
    text = paths.versions_file.read_text(encoding="utf-8", errors="replace")
    if CONFLICT.search(text):
        why = "it has the conflict markers of a merge: both sides gave the same number"
        raise _broken(paths, why, ", then accept the other side's weights again")
    try:
        found = [Version.model_validate(one) for one in json.loads(text)]
    except (ValueError, TypeError, ValidationError, RecursionError) as error:
        raise _broken(paths, str(error)) from error
    if [one.version for one in found] != list(range(1, len(found) + 1)):
        raise _broken(paths, "the numbers of its versions do not count from 1")
    return found


def weights_of(version: Version, paths: PersonaPaths) -> Path:
    """Where a version's bytes lie: its own copy, else DVC's cache.

    Raises:
        InputError: neither has them.
    """
    for path in (paths.version(version.version), cached(cache_folder(), version.md5)):
        if path.is_file() and sha256_file(path) == version.sha256:
            return path
    raise InputError(
        f"the weights of {version.name} are not on this machine",
        reason="not-in-cache",
        remedy="check out the commit that accepted it and `dvc pull`, or put the file back there",
    )


def _broken(paths: PersonaPaths, why: str, then: str = " brings the committed one back") -> InputError:
    remedy = f"`git checkout HEAD -- {paths.versions_file}`{then}"
    return InputError(f"{paths.versions_file} cannot be read: {why}", reason="bad-versions", remedy=remedy)
