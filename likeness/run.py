"""A run: one stage at work for one persona, with everything that it opens.

Each stage is `python -m stages.NAME PERSONA` and reads as a table of contents; its work is in likeness/.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from likeness.config import Config, load_config
from likeness.paths import PARAMS, PersonaPaths, RepositoryPaths
from likeness.persona import Persona
from likeness.pipeline.batch import Outcome, Work, run_batch
from likeness.pipeline.manifest import Failure, Manifest
from likeness.pipeline.outputs import finish
from likeness.pipeline.stage import BY_NAME
from likeness.providers import ProviderSection
from likeness.purchases.budget import Spending
from likeness.purchases.buy import Buyer
from likeness.safety.consent import Consent, Use, in_force, load_consent, still_in_force
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.standing import refuse_exchanged, standing_of
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.floors import IdentityLimits, identity_limits
from likeness.store import open_items, team_store
from likeness.store.items import ItemStore, Json
from likeness.tracking.tracker import Tracker

if TYPE_CHECKING:
    from likeness.safety.gates import Door
    from likeness.safety.measurements import Measurements
    from likeness.safety.pictures import PictureGate


@dataclass(frozen=True, kw_only=True)
class Run:
    """One stage at work for one persona; `stop` is set when it is to end early; `spread` makes its batch
    elsewhere than here. What it opens, it opens once and only
    when it is needed."""

    stage: str
    config: Config
    persona: Persona
    repository: RepositoryPaths
    stop: threading.Event = field(default_factory=threading.Event)
    spread: "Callable[[Run, Sequence[Work]], Sequence[Outcome]] | None" = None

    @cached_property
    def paths(self) -> PersonaPaths:
        """The persona's folders, relative to the folder that DVC runs the stage in."""
        return PersonaPaths(self.persona.name)

    @property
    def folder(self) -> Path:
        """Where the stage lays its finished files, with their manifest."""
        folder = BY_NAME[self.stage].folder(self.paths)
        assert folder is not None, f"{self.stage} has no manifest"
        return folder

    @property
    def uses(self) -> tuple[Use, ...]:
        """What the consent has to cover for this stage."""
        return BY_NAME[self.stage].uses if self.stage in BY_NAME else ()

    @property
    def section(self) -> Any:
        """The stage's own settings; None where it has none."""
        return getattr(self.config, self.stage, None)

    @cached_property
    def provider(self) -> Any:
        """The provider that the stage's settings name."""
        return self.section.built()

    @property
    def worker(self) -> dict[str, Any] | None:
        """The provider with its settings: what it took is no measure of another. None where the stage has none."""
        section = self.section
        return section.model_dump(mode="json")["provider"] if isinstance(section, ProviderSection) else None

    @cached_property
    def consent(self) -> Consent:
        """The persona's verified consent record, of the repository itself and of no experiment's copy."""
        return load_consent(self.repository.consent, self.persona.name)

    @cached_property
    def identity_limits(self) -> IdentityLimits:
        """How like the persona a face must be.

        Raises:
            ConfigError: the settings ask for less than the floors.
        """
        return identity_limits(self.persona.similarity, self.consent, self.embedder)

    @property
    def embedder(self) -> EmbedderConfig | None:
        """The user's own embedder, which has a say in whose face it is beside the two that always do."""
        return self.config.faces.embedder

    @cached_property
    def own_items(self) -> ItemStore:
        """The item store of this machine; the team's is not asked."""
        return ItemStore(self.repository.root / self.config.items.root, persona=self.persona.name)

    @cached_property
    def items(self) -> ItemStore:
        """The item store of this repository and of the team; raises as `open_items`, before anything has been spent."""
        persona, inspect = self.persona.name, self._inspect_arrival
        return open_items(self.config, self.repository, persona=persona, inspect=inspect)

    @cached_property
    def buyer(self) -> Buyer:
        """Where the stage buys: the budget and the prices of conf/, the history of this repository."""
        permit, cfg, who = partial(self.require, *self.uses), self.config, self.persona.name
        spending = Spending(
            self.repository.spending, prices=cfg.prices, budget=cfg.budget, stage=self.stage, persona=who
        )
        return Buyer(self.items, spending, self.stop, self.judge_delivery, permit)

    @cached_property
    def gate(self) -> "PictureGate":
        """The models that measure pictures for the doors; loaded when they are first needed."""
        from likeness.safety.pictures import PictureGate  # here: its modules load onnxruntime

        return PictureGate(self.embedder)

    def measurements(self, gate: "PictureGate | None" = None) -> "Measurements":
        """What is measured on pictures for the doors, each once on this machine; by `gate` in place of the models."""
        from likeness.safety.measurements import Measurements

        return Measurements(gate or self.gate, self.own_items, self.embedder)

    def refuse_picture(self, door: "Door", seen: Mapping[str, Json], **words: Any) -> None:
        """See `refuse_picture`, with the persona's record, the user's embedder and the settings' limit: the floor or stricter."""
        from likeness.safety.pictures import refuse_picture

        words.setdefault("max_explicit", self.config.ingest.max_explicit)
        refuse_picture(door, seen, self.consent, embedder=self.embedder, **words)

    def judge_delivery(self, picture: bytes) -> None:
        """Refuse a picture that a provider gave before it is kept.

        Raises:
            InputError: with a gate's reason.
        """
        from likeness.images import decode_rgb

        seen = self.gate.measure(decode_rgb(picture, name="the delivery"))
        self.refuse_picture("delivery", seen, what="the delivery")

    def _inspect_arrival(self, files: Mapping[str, bytes]) -> None:
        """Refuse what a team's store has where its pictures show what no setting lets pass; they are measured here."""
        from likeness.images import decode_rgb, mime_of

        for name, data in files.items():
            if mime_of(data) is not None:
                seen = self.gate.measure(decode_rgb(data, name=name))
                what = "the team's store has a picture that is"
                self.refuse_picture("delivery", seen, what=what, max_explicit=None)

    def at(self, stage: str) -> "Run":
        """The same run at another stage, with the same store."""
        other = replace(self, stage=stage, spread=None)
        vars(other)["items"] = self.items
        return other

    def places(self) -> list[Path]:
        """Where the stage writes: its outputs, the item store, and beside it what is kept of a run."""
        kept = [self.repository.training] if self.stage == "train" else []
        return [
            *self.outputs(),
            self.repository.root / self.config.items.root,
            self.repository.history,
            *kept,
        ]

    def outputs(self) -> list[Path]:
        """What DVC keeps of the stage."""
        names = BY_NAME[self.stage].outputs if self.stage in BY_NAME else ()
        return list(map(self.paths.output, names))

    def require(self, *uses: Use, midway: bool = False) -> None:
        """ConsentError unless the persona's consent, read anew, is in force, covers these uses and is the one that the run began
        under; see `in_force` for the team's store, which is asked too, and may fail to answer `midway`."""
        ask = still_in_force if midway else in_force
        now = ask(self.repository.root, self.persona.name, uses, place=team_store(self.config))
        refuse_exchanged(now, vars(self).setdefault("consent", now))

    def tracker(self, params: Mapping[str, Any], *, enabled: bool = True) -> Tracker:
        """An MLflow run of this stage."""
        tracking = self.config.tracking
        return Tracker(
            enabled=tracking.enabled and enabled,
            uri=tracking.uri,
            experiment=tracking.experiment,
            root=self.repository.root,
            stage=self.stage,
            persona=self.persona.name,
            params=params,
            columns=self.config.columns if self.stage in ("train", "evaluate") else {},
        )

    def batch(
        self, works: Sequence[Work], *, what: str = "", workers: int | None = None
    ) -> Sequence[Outcome]:
        """See `run_batch`; as many workers as fill what a remote provider is allowed in flight. `what` tells several batches of
        one stage apart in the progress."""
        if self.spread is not None:
            return self.spread(self, works)
        if workers is None:
            in_flight = self.provider.in_flight if isinstance(self.section, ProviderSection) else 1
            workers = max(self.config.items.workers, in_flight)
        name = f"{self.stage}: {what}" if what else self.stage
        return run_batch(name, works, self.items, workers=workers, stop=self.stop)

    def finish(self, outcomes: Sequence[Outcome], *, failures: Iterable[Failure] = ()) -> Manifest:
        """See `finish`, with the limits of the stage's settings; where it has none, every item has to be finished.
        Nothing is laid out once the consent has ended."""
        self.require(*self.uses)
        return finish(
            self.stage,
            self.folder,
            outcomes,
            failures=failures,
            max_failure_ratio=getattr(self.section, "max_failure_ratio", 0.0),
            counts=self.repository.counts(self.folder),
            leave_unfinished=self.config.items.leave_unfinished,
            spent_usd=self.buyer.spending.spent_usd if "buyer" in vars(self) else 0.0,
        )

    def share(self) -> None:
        """Wait until the team has what this run made.

        Raises:
            ProviderError, ConfigError: it has not; the next run shares it.
        """
        if "items" in vars(self):
            self.items.flush(standing_of(self.repository.root, team_store(self.config)))


def run_at(stage: str, persona: str, config: Config | None = None) -> Run:
    """A run outside of a stage's own program, with what that stage may do and the settings as they are now.

    Raises:
        ConfigError: there is no such persona. ConsentError: no consent of hers is in force for this stage.
        ConfigError, ProviderError: the team's store cannot be asked.
    """
    config = config or load_config(PARAMS)
    current = Run(
        stage=stage, config=config, persona=config.persona(persona), repository=RepositoryPaths.here()
    )
    learn_from_git(current.repository.root)
    current.require(*current.uses)
    return current
