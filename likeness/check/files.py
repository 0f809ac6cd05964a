"""What DVC, git or a stage would stop at later: files and folders that are missing, links to nothing, pipes, a merge's markers."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from likeness.caption.allowed import read_allowed
from likeness.config import Config
from likeness.disk import leads_nowhere, refuse_links_to_nothing
from likeness.dvc_files import LOCK, cache_folder
from likeness.errors import ConfigError, LikenessError
from likeness.git import CONFLICT
from likeness.ingest.listing import is_endless, photographs, printable
from likeness.ingest.numbers import read_numbers
from likeness.ingest.raw import require_held_out
from likeness.paths import PersonaPaths, RepositoryPaths, same_name
from likeness.pipeline.stage import STAGES

READ_BY_GIT_AND_DVC = (
    ".gitignore",
    ".dvcignore",
    ".dvc/config",
    ".dvc/config.local",
    "dvc.yaml",
    "stages/dvc.yaml",
)


def merge_problems() -> Iterator[str]:
    """What git and DVC read are files, and merged whole: of an ignore list with markers they say nothing, of the others a line's
    number."""
    for path in map(Path, (LOCK, *READ_BY_GIT_AND_DVC)):
        if path.is_dir():
            yield f"{path} is a folder, and git or DVC reads a file there\n  remedy: move it away"
        # In dvc.lock DVC names the line itself.
        if path != Path(LOCK) and path.is_file() and CONFLICT.search(path.read_text("utf-8", "replace")):
            yield f"{path} has the conflict markers of a merge\n  remedy: keep what both sides need, and delete the markers"


def refuse(problems: Iterable[str]) -> None:
    """End with what is wrong, if anything is.

    Raises:
        ConfigError: lists all of it.
    """
    if listed := list(dict.fromkeys(problems)):  # the same may stop several personas
        raise ConfigError(f"{len(listed)} problem(s); nothing was run:\n\n" + "\n".join(listed))


def check_links() -> None:
    """See that no link to nothing is among what DVC, git and the stages read or write beside a person's folders.

    Raises:
        DiskError: with the first of them.
    """
    kept = (one for folder in ("conf", "consent") for one in (Path(folder), *sorted(Path(folder).rglob("*"))))
    files = map(Path, (LOCK, *READ_BY_GIT_AND_DVC))
    refuse_links_to_nothing(*kept, *files, RepositoryPaths.here().cache, Path(".dvc/tmp"), cache_folder())


def problems_of(look: Callable[[], object], whose: str = "") -> Iterator[str]:
    """What `look` raises, if it does."""
    try:
        look()
    except LikenessError as error:
        yield f"{whose}{error}"


def file_problems(cfg: Config) -> Iterator[str]:
    """What DVC or ingest would stop at later: folders and photographs that are missing, links to nothing, pipes."""
    for name, persona in cfg.personas.items():
        paths = PersonaPaths(name)
        # A file among the outputs may be DVC's link into a cache that was emptied: DVC makes it anew.
        outputs = [paths.output(name) for spec in STAGES for name in spec.outputs]
        made = (one.parent if one.suffix else one for one in outputs)
        if gone := list(
            problems_of(partial(refuse_links_to_nothing, paths.raw_sources, paths.captions_override, *made))
        ):
            yield from gone
            continue
        if not paths.raw_sources.is_dir():
            yield (
                f"{name}: there is no folder {paths.raw_sources}{_others(paths)}\n"
                f"  remedy: put 8 to 30 photographs of {name} there"
            )
        if not paths.captions_override.is_dir():
            yield (
                f"{name}: there is no folder {paths.captions_override}\n"
                f"  remedy: mkdir {paths.captions_override}; it may stay empty"
            )
        try:
            sources, targets = (photographs(folder)[0] for folder in (paths.raw_sources, paths.raw_targets))
            if not targets and not cfg.swap.include_sources:
                yield (
                    f"{name}: there are no photographs in {paths.raw_targets}, and swap.include_sources is false: no image is made\n"
                    "  remedy: put photographs of other people there, or set swap.include_sources: true"
                )
            if not sources and paths.raw_sources.is_dir():
                yield f"{name}: {paths.raw_sources} holds no photograph\n  remedy: put 8 to 30 photographs of {name} there"
        except ConfigError as error:  # folders inside
            yield str(error)
            sources = list[Path]()
        held_out = set(map(same_name, persona.held_out))
        learned = [path for path in sources if same_name(path.name) not in held_out]
        if sources and (
            wrong := list(problems_of(partial(require_held_out, paths, sources, persona.held_out)))
        ):
            yield from wrong
        elif sources and not learned:
            yield (
                f"{name}: held_out names every photograph of {paths.raw_sources}, so that none is left to learn from\n"
                f"  remedy: leave two or three in `held_out` in conf/persona/{name}.yaml, or add photographs"
            )
        elif len(learned) == 1 and cfg.train.selection.validation_share:
            yield (
                f"{name}: train.selection.validation_share keeps whole photographs out, and one alone is left to learn from\n"
                "  remedy: add photographs, or set train.selection.validation_share: 0"
            )
        yield from problems_of(partial(read_numbers, paths.numbers))
        yield from problems_of(partial(read_allowed, paths.captions_override))
        for folder in (paths.raw_sources.parent, paths.captions_override):
            for path in sorted(folder.rglob("*")):
                if (shown := printable(str(path))) != str(path):
                    yield (
                        f"the name of {shown} is not UTF-8, and DVC stops at such a name\n"
                        "  remedy: rename the file with letters of UTF-8"
                    )
                if leads_nowhere(path):
                    yield (
                        f"{path} is a link to {path.readlink()}, where nothing is\n"
                        "  remedy: copy the file itself there, or delete the link"
                    )
                if is_endless(path):
                    yield f"{path} is a pipe, a socket or a device, at which DVC waits for ever\n  remedy: delete it"


def _others(paths: PersonaPaths) -> str:
    """`; there is data/mia/raw/source`: folders of that person that no stage reads or writes."""
    known = {path for path in vars(paths).values() if isinstance(path, Path)}
    there = {path for pattern in ("*/", "raw/*/") for path in paths.data.glob(pattern)} - known
    return f"; there is {', '.join(map(str, sorted(there)))}" if there else ""
