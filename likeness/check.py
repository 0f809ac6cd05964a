"""What must be right before anything runs: fresh settings, providers that can be built, a base that is there, consent
and photographs of every persona. What is wrong here would be found after hours or money."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from likeness.caption.allowed import read_allowed
from likeness.conf_digest import conf_digest, values_digest
from likeness.config import Config
from likeness.diffusion.config import TINY, TINY_RANDOM
from likeness.diffusion.families import bases
from likeness.errors import ConfigError, LikenessError
from likeness.git import CONFLICT
from likeness.ingest.listing import is_endless, photographs, printable
from likeness.ingest.numbers import read_numbers
from likeness.paths import PersonaPaths, RepositoryPaths, same_name
from likeness.pipeline.stage import ALL_USES, STAGES
from likeness.safety.consent import Consent, in_force
from likeness.safety.consent.history import learn_from_git
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.floors import identity_limits
from likeness.store import team_store
from likeness.tracking.cause import address_problem, tracking_uri
from likeness.train.kohya.options import find_script
from likeness.train.starting import check_start

READ_BY_GIT_AND_DVC = (".gitignore", ".dvcignore", ".dvc/config", ".dvc/config.local", "dvc.yaml")


def check_fresh(cfg: Config) -> None:
    """`dvc repro` reads params.yaml and never composes, so an edit in conf/ alone would be silently ignored.

    Raises:
        ConfigError: `stale-params`.
    """
    if cfg.conf_digest != conf_digest(Path("conf")):
        raise ConfigError(
            "conf/ was edited after params.yaml was composed from it",
            reason="stale-params",
            remedy="run `make params`, look at `git diff params.yaml`, then `dvc repro` again",
        )


def check_parts(cfg: Config) -> None:
    """See that every provider can be built and that every persona's consent covers the graph.

    Raises:
        ConfigError: lists all that is wrong.
    """
    learn_from_git(RepositoryPaths.here().root)
    parts = (
        *_merge_problems(),
        # Every provider is built once: its settings, files and licences are checked where it declares them.
        *(
            problem
            for section in _sections()
            for problem in _problem(getattr(cfg, section).built, f"{section}: ")
        ),
        *_base_problems(cfg),
        # The LoRA file that training starts from is there, stays, and can be started from as far as it tells.
        *_problem(lambda: check_start(cfg, RepositoryPaths.here())),
        *_problem(lambda: _check_kohya(cfg)),
        *_consent_problems(cfg),
        *_file_problems(cfg),
        *_problem(lambda: _check_embedder(cfg)),
    )
    problems = list(dict.fromkeys(parts))  # the same may stop several personas
    if problems:
        raise ConfigError(f"{len(problems)} problem(s); nothing was run:\n\n" + "\n".join(problems))


def _merge_problems() -> Iterator[str]:
    """What git and DVC read was merged whole: of an ignore list with markers they say nothing, of the others a line's number."""
    for path in map(Path, READ_BY_GIT_AND_DVC):
        if path.is_file() and CONFLICT.search(path.read_text("utf-8", "replace")):
            yield f"{path} has the conflict markers of a merge\n  remedy: keep what both sides need, and delete the markers"


def _problem(look: Callable[[], object], whose: str = "") -> Iterator[str]:
    """What `look` raises, if it does."""
    try:
        look()
    except LikenessError as error:
        yield f"{whose}{error}"


def _sections() -> list[str]:
    """The sections that name a provider."""
    return [spec.name for spec in STAGES if spec.provider]


def _check_kohya(cfg: Config) -> None:
    """The user's own sd-scripts are there, and have an option for each setting."""
    if cfg.train.trainer == "kohya":
        find_script(cfg.train, cfg.base)


def _check_embedder(cfg: Config) -> None:
    """The user's own embedder is the file that was reviewed."""
    if (own := cfg.faces.embedder) is not None:
        from likeness.safety.identity import own_embedder  # here: it loads onnxruntime

        own_embedder(own).check()


def notes(cfg: Config, values: Mapping[str, Any]) -> Iterator[str]:
    """What stops nothing and may surprise; `values` is what params.yaml says."""
    yield from _keys_not_set(cfg)
    yield from _values_by_hand(cfg, values)
    yield from _folders_of_nobody(cfg)
    if cfg.tracking.enabled and (wrong := address_problem(tracking_uri(cfg.tracking.uri, Path()))):
        yield f"MLflow: {wrong}"


def _keys_not_set(cfg: Config) -> Iterator[str]:
    """A line for each provider whose key is not in the environment: no problem where everything is bought already."""
    for section in _sections():
        if name := getattr(cfg, section).missing_key():
            yield f"{name} is not set: {section} will need it for what it has not bought yet"


def _values_by_hand(cfg: Config, values: Mapping[str, Any]) -> Iterator[str]:
    """A line where params.yaml, whose `values` these are, has other ones than were composed: they count, until it is
    composed again."""
    if cfg.values_digest != values_digest(values):
        yield (
            "params.yaml was edited by hand; the next `make params` or `dvc exp run` loses that. "
            "`likeness params --keep NAME` writes it into conf/"
        )


def _folders_of_nobody(cfg: Config) -> Iterator[str]:
    """A line for each folder with photographs of a person whom the settings do not name."""
    for folder in sorted(Path("data").glob("*/raw/")):
        if (name := folder.parent.name) not in cfg.personas:
            yield (
                f"{folder} belongs to no persona of params.yaml, and is not read: "
                f"conf/persona/{name}.yaml and a line in conf/config.yaml make one (docs/personas.md)"
            )


def _base_problems(cfg: Config) -> Iterator[str]:
    """A base that is named by its path is there; one of the hub is not trained at the tiny base's size."""
    try:
        local = cfg.base.local(RepositoryPaths.here().root)
        cfg.base.require_commit(RepositoryPaths.here().root)
    except ConfigError as error:
        yield str(error)
        return
    published, side = bases()[cfg.base.architecture].PUBLISHED_SIDE_PX, cfg.train.data.side_px
    if local is None and cfg.base.source not in (TINY, TINY_RANDOM) and 2 * side <= published:
        yield (
            f"train.data.side_px is {side}, but {cfg.base.source} draws at {published} px\n"
            f"  remedy: choose `- experiment: {cfg.base.architecture}` in conf/config.yaml, or set train.data.side_px"
        )


def _file_problems(cfg: Config) -> Iterator[str]:
    """What DVC or ingest would stop at later: folders and photographs that are missing, links to nothing, pipes."""
    for name, persona in cfg.personas.items():
        paths = PersonaPaths(name)
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
            sources = {same_name(path.name) for path in photographs(paths.raw_sources)[0]}
            if not sources and paths.raw_sources.is_dir():
                yield f"{name}: {paths.raw_sources} holds no photograph\n  remedy: put 8 to 30 photographs of {name} there"
        except ConfigError as error:  # folders inside
            yield str(error)
            sources = set[str]()
        if sources and (gone := [one for one in persona.held_out if same_name(one) not in sources]):
            yield (
                f"{name}: held_out names {', '.join(gone)}, not in {paths.raw_sources}\n"
                f"  remedy: correct `held_out` in conf/persona/{name}.yaml, or put the photograph there"
            )
        elif sources and sources <= {same_name(one) for one in persona.held_out}:
            yield (
                f"{name}: held_out names every photograph of {paths.raw_sources}, so that none is left to learn from\n"
                f"  remedy: leave two or three in `held_out` in conf/persona/{name}.yaml, or add photographs"
            )
        yield from _problem(partial(read_numbers, paths.numbers))
        yield from _problem(partial(read_allowed, paths.captions_override))
        for folder in (paths.raw_sources.parent, paths.captions_override):
            for path in sorted(folder.rglob("*")):
                if (shown := printable(str(path))) != str(path):
                    yield (
                        f"the name of {shown} is not UTF-8, and DVC stops at such a name\n"
                        "  remedy: rename the file with letters of UTF-8"
                    )
                if path.is_symlink() and not path.exists():
                    yield (
                        f"{path} is a link to {path.readlink()}, where nothing is\n"
                        "  remedy: copy the file itself there, or delete the link"
                    )
                if is_endless(path):
                    yield f"{path} is a pipe, a socket or a device, at which DVC waits for ever\n  remedy: delete it"


def _embedder_problems(own: EmbedderConfig | None, consent: Consent) -> Iterator[str]:
    """The user's own embedder compares with a face that the record holds."""
    persona = consent.persona
    if own is not None and own.name not in consent.face.others:
        yield (
            f"{persona}: consent/{persona}.yaml holds no face of faces.embedder ({own.name})\n"
            f"  remedy: `likeness consent bind {persona}` prints the face with it; put it there, and sign again: "
            f"`likeness consent sign {persona}`"
        )


def _others(paths: PersonaPaths) -> str:
    """`; there is data/mia/raw/source`: folders of that person that no stage reads or writes."""
    known = {path for path in vars(paths).values() if isinstance(path, Path)}
    there = {path for pattern in ("*/", "raw/*/") for path in paths.data.glob(pattern)} - known
    return f"; there is {', '.join(map(str, sorted(there)))}" if there else ""


def _consent_problems(cfg: Config) -> Iterator[str]:
    """A record in force for each persona that covers what the whole graph does."""
    root = RepositoryPaths.here().root
    for name in cfg.personas:
        try:
            consent = in_force(root, name, ALL_USES, place=team_store(cfg))
            identity_limits(cfg.personas[name].similarity, consent, cfg.faces.embedder)
            yield from _embedder_problems(cfg.faces.embedder, consent)
            targets, _ = photographs(PersonaPaths(name).raw_targets)
            if targets and consent.targets is None:
                yield (
                    f"{name}: there are {len(targets)} photographs of targets, and no record consent/{name}.targets.yaml of them\n"
                    f"  remedy: write it as docs/consent.md shows, or take them out of {PersonaPaths(name).raw_targets}: "
                    f"without targets {name}'s own photographs make the dataset"
                )
        except LikenessError as error:
            yield str(error)
