"""What must be right before anything runs: fresh settings, providers that can be built, a base that is there, consent
and photographs of every persona. What is wrong here would be found after hours or money."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from likeness.check.files import check_links, file_problems, merge_problems, problems_of, refuse
from likeness.conf_digest import conf_digest, values_digest
from likeness.config import Config
from likeness.diffusion.config import TINY, TINY_RANDOM
from likeness.diffusion.families import bases
from likeness.errors import ConfigError, LikenessError
from likeness.ingest.listing import photographs
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.pipeline.stage import ALL_USES, STAGES
from likeness.safety.consent import Consent, in_force
from likeness.safety.consent.history import learn_from_git
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.floors import identity_limits
from likeness.store import check_place, team_store
from likeness.tracking.cause import address_problem, tracking_uri
from likeness.train.starting import check_start


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
        *merge_problems(),
        *problems_of(check_links),
        # Every provider is built once: its settings, files and licences are checked where it declares them.
        *(
            problem
            for section in _sections()
            for problem in problems_of(getattr(cfg, section).built, f"{section}: ")
        ),
        *_base_problems(cfg),
        # The LoRA file that training starts from is there, stays, and can be started from as far as it tells.
        *problems_of(lambda: check_start(cfg, RepositoryPaths.here())),
        *problems_of(lambda: _check_kohya(cfg)),
        *problems_of(lambda: check_place(cfg, RepositoryPaths.here())),
        *_consent_problems(cfg),
        *file_problems(cfg),
        *problems_of(lambda: _check_embedder(cfg)),
    )
    refuse(parts)


def _sections() -> list[str]:
    """The sections that name a provider."""
    return [spec.name for spec in STAGES if spec.provider]


def _check_kohya(cfg: Config) -> None:
    """The user's own sd-scripts are there, and have an option for each setting."""
    if cfg.train.trainer == "kohya":
        from likeness.train.kohya.options import find_script

        find_script(cfg.train, cfg.base)


def _check_embedder(cfg: Config) -> None:
    """The user's own embedder is the file that was reviewed."""
    if (own := cfg.faces.embedder) is not None:
        from likeness.safety.identity import own_embedder  # here: it loads onnxruntime

        own_embedder(own).check()


def notes(cfg: Config, values: Mapping[str, Any]) -> Iterator[str]:
    """What stops nothing and may surprise; `values` is what params.yaml says."""
    yield from _keys_not_set(cfg)
    yield from _gpus_not_here(cfg)
    yield from _values_by_hand(cfg, values)
    yield from _folders_of_nobody(cfg)
    if cfg.tracking.enabled and (wrong := address_problem(tracking_uri(cfg.tracking.uri, Path()))):
        yield f"MLflow: {wrong}"


def _keys_not_set(cfg: Config) -> Iterator[str]:
    """A line for each provider whose key is not in the environment: no problem where everything is bought already."""
    for section in _sections():
        if name := getattr(cfg, section).missing_key():
            yield f"{name} is not set: {section} will need it for what it has not bought yet"


def _gpus_not_here(cfg: Config) -> Iterator[str]:
    """A line for each network that is to run on a GPU where there is none: no problem where another machine runs it."""
    devices = {f"{name}.provider.device": getattr(cfg, name).provider.get("device") for name in _sections()}
    for setting, device in {**devices, "train.system.device": cfg.train.system.device}.items():
        if device == "cuda":
            from likeness.networks import require_gpu

            for problem in problems_of(partial(require_gpu, setting)):
                yield f"{problem}; here {setting.partition('.')[0]} will end with that"


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
    """A base that is named by its path is there, and is one as far as names tell; one of the hub is not trained at the tiny
    base's size."""
    root = RepositoryPaths.here().root
    try:
        local = cfg.base.local(root)
        if local is not None and local.is_file() and _is_lora(local):
            yield (
                f"base.source {cfg.base.source!r} holds a LoRA, and no base\n"
                "  remedy: name the base that it was trained on; train.start_from goes on from a LoRA"
            )
        cfg.base.require_commit(root)
        cfg.base.require_layout(root)
    except LikenessError as error:
        yield str(error)
        return
    published, side = bases()[cfg.base.architecture].PUBLISHED_SIDE_PX, cfg.train.data.side_px
    if local is None and cfg.base.source not in (TINY, TINY_RANDOM) and 2 * side <= published:
        yield (
            f"train.data.side_px is {side}, but {cfg.base.source} draws at {published} px\n"
            f"  remedy: choose `- experiment: {cfg.base.architecture}` in conf/config.yaml, or set train.data.side_px"
        )


def _is_lora(file: Path) -> bool:
    """Whether all that a base's file holds are parts of a LoRA."""
    from likeness.lora.keys import part_of  # here: most bases are folders, or of the hub
    from likeness.lora.safetensors_io import read_header

    names = list(read_header(file).entries)
    return bool(names) and all(map(part_of, names))


def _embedder_problems(own: EmbedderConfig | None, consent: Consent) -> Iterator[str]:
    """The user's own embedder compares with a face that the record holds."""
    persona = consent.persona
    if own is not None and own.name not in consent.face.others:
        yield (
            f"{persona}: consent/{persona}.yaml holds no face of faces.embedder ({own.name})\n"
            f"  remedy: `likeness consent bind {persona}` prints the face with it; put it there, and sign again: "
            f"`likeness consent sign {persona}`"
        )


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
