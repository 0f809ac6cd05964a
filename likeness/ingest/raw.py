"""A person's raw photographs, and which of them are held out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from likeness.digests import SHA256_HEX, sha256_file
from likeness.errors import ConfigError
from likeness.ingest.listing import Stray, is_misplaced, misplaced, photographs
from likeness.lazy import Lazy
from likeness.paths import PersonaPaths, same_name
from likeness.safety.consent import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class RawPhoto:
    """One photograph of a raw folder; `number` is its place in the folder while the set is judged, and then the number
    that `likeness.ingest.numbers` keeps for it."""

    role: Role
    number: int
    path: Path
    held_out: bool

    @property
    def label(self) -> str:
        """`s3` or `t3`."""
        return f"{self.role[0]}{self.number}"

    @property
    def source(self) -> str | None:
        return self.label if self.role == "source" else None

    @property
    def target(self) -> str | None:
        return self.label if self.role == "target" else None

    @property
    def name(self) -> str:
        return self.path.name


def list_raw(places: PersonaPaths, held_out: Collection[str]) -> Sequence[RawPhoto]:
    """All raw photographs of a persona, sources first. There need not be targets: a persona's own photographs make a
    dataset, too.

    Raises:
        ConfigError: there are no sources, a folder has folders inside, or a held-out name is not there.
    """
    sources, targets = (photographs(folder)[0] for folder in (places.raw_sources, places.raw_targets))
    if not sources:
        raise ConfigError(
            f"{places.raw_sources} has no photos",
            reason="no-photos",
            remedy="make the folder, and put photographs there (JPEG, PNG, HEIC, ...)",
        )
    require_held_out(places, sources, held_out)
    held = set(map(same_name, held_out))

    def photo(at: int) -> RawPhoto:
        if at >= len(sources):
            at -= len(sources)
            return RawPhoto(role="target", number=at + 1, path=targets[at], held_out=False)
        path = sources[at]
        return RawPhoto(role="source", number=at + 1, path=path, held_out=same_name(path.name) in held)

    return Lazy(len(sources) + len(targets), photo)


def require_held_out(places: PersonaPaths, sources: Collection[Path], held_out: Collection[str]) -> None:
    """See that every held-out name is a photograph's.

    Raises:
        ConfigError: it is none; with the photograph that it may mean.
    """
    names = {same_name(path.name) for path in sources}
    if missing := sorted(name for name in held_out if same_name(name) not in names):
        told = ", ".join(f"{name}{_meant(name, sources)}" for name in missing)
        raise ConfigError(
            f"{places.persona}: held_out names {told}, not in {places.raw_sources}",
            reason="held-out-missing",
            remedy=f"correct `held_out` in conf/persona/{places.persona}.yaml (file names, in their own capitals), or put the"
            " photograph there",
        )


def _meant(name: str, sources: Collection[Path]) -> str:
    """The photograph that a held-out name may mean: in other capitals, in a folder, by its digest."""
    digest = name.lower().removeprefix("sha256:")
    if SHA256_HEX.fullmatch(digest):
        return next((f" (the sha256 of {path.name})" for path in sources if sha256_file(path) == digest), "")
    last = same_name(Path(name).name).casefold()
    return next(
        (f" (there is {path.name})" for path in sources if same_name(path.name).casefold() == last), ""
    )


def list_strays(places: PersonaPaths) -> list[tuple[Role, Stray]]:
    """What lies beside the photographs and is not read, and photographs that lie beside both folders."""
    own = {places.raw_sources.name, places.raw_targets.name, places.numbers.name, places.refused.name}
    return [
        *(("source", misplaced(path)) for path in sorted(places.raw.iterdir()) if is_misplaced(path, own)),
        *(("source", stray) for stray in photographs(places.raw_sources)[1]),
        *(("target", stray) for stray in photographs(places.raw_targets)[1]),
    ]
