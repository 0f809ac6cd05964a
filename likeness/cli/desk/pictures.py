"""Pictures for pages: looked up by their digest among those that a page shows, never by a path, and encoded anew."""

from pathlib import Path

from likeness.cli.desk.state import PICTURE_PATIENCE_S, Desk, page_jpeg
from likeness.cli.purge import owner
from likeness.dvc_files import links_to_cache
from likeness.images import load_rgb
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.pipeline.manifest import read_manifest
from likeness.pipeline.verified import verified

SHEET_PX = 1600
SAMPLE = "step-*.png"


def photograph(desk: Desk, persona: str, sha256: str) -> bytes | None:
    """A photograph that no gate refuses; None where there is none of this digest."""
    run = desk.run_at("ingest", persona)
    look = desk.look(run, PICTURE_PATIENCE_S)
    one = next((one for one in look.photographs if one.sha256 == sha256), None)
    if one is None or not one.shown:
        return None
    return desk.encoded(one.picture, sha256) if one.picture else page_jpeg(one.rgb(run))


def enhanced(desk: Desk, persona: str, sha256: str) -> bytes | None:
    """An enhanced image, if it is still the one that the manifest names."""
    return _of_line(desk, desk.run_at("caption", persona).paths.enhanced, sha256)


def previewed(desk: Desk, persona: str, part: str) -> bytes | None:
    """A picture of the last pair: `source`, `target` or `swap`."""
    run, seen = desk.run_at("swap", persona), desk.previews.get(persona)
    if seen is None:
        return None
    if part == "swap":
        return None if seen.picture is None else desk.encoded(seen.picture, seen.picture.name)
    if (photo := {"source": seen.source, "target": seen.target}.get(part)) is None:
        return None
    return desk.encoded(verified(run.paths.ingested, photo.entry), photo.entry.sha256)


def ingested(desk: Desk, persona: str, sha256: str) -> bytes | None:
    """A photograph that ingest accepted."""
    return _of_line(desk, desk.run_at("swap", persona).paths.ingested, sha256)


def _of_line(desk: Desk, folder: Path, sha256: str) -> bytes | None:
    """A stage's picture that its manifest names by this digest."""
    entry = next((one for one in read_manifest(folder).entries if one.sha256 == sha256), None)
    return None if entry is None else desk.encoded(verified(folder, entry), sha256)


def samples(persona: str) -> dict[str, Path]:
    """The strips that trainings drew, the newest first, by run and step; their pictures passed the gates."""
    folders = [
        one for one in RepositoryPaths.here().training.glob("*") if one.is_dir() and owner(one) == persona
    ]
    strips = [path for folder in folders for path in (folder / "samples").glob(SAMPLE)]
    if (whole := PersonaPaths(persona).samples_by_step).is_file():
        strips.append(whole)
    newest = sorted(strips, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return {f"{path.parent.parent.name[:12]}-{path.stem}": path for path in newest}


def sample(desk: Desk, persona: str, key: str) -> bytes | None:
    """One strip, whole: it is a sheet to be read."""
    desk.run_at("train", persona)
    path = samples(persona).get(key)
    if path is None or (path.is_symlink() and not links_to_cache(path)):
        return None
    return page_jpeg(load_rgb(path), SHEET_PX)


KINDS = {
    "photograph": photograph,
    "enhanced": enhanced,
    "ingested": ingested,
    "preview": previewed,
    "sample": sample,
}
