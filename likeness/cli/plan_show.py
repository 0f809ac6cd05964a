"""The plan as a record, as tables and in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from likeness.cli.tables import say, show, table
from likeness.dataset.quality import Reading
from likeness.dataset.quality.measures import to_mend, worst
from likeness.dvc_files import LOCK
from likeness.formatting import format_seconds, format_usd
from likeness.plan import StagePlan
from likeness.purchases.budget import ROUNDING_USD
from likeness.purchases.history import budget_words
from likeness.train.pace import Pace


@dataclass(frozen=True, kw_only=True)
class Training:
    """Steps that training takes when it runs (None: the stage counts them from train.schedule.epochs), how long so many take at
    the `pace` that was measured of the same `step` (base, side, batch) on this kind of `device` (None: it was not), what memory
    it needs in words (None: not on a GPU), and what an hour of the machine costs, if that is known."""

    steps: int | None
    seconds: float | None
    step: str
    pace: Pace | None
    device: str
    memory: str | None
    usd_per_hour: float | None

    @property
    def usd(self) -> float | None:
        """What the machine costs for it."""
        if self.usd_per_hour is None or self.seconds is None:
            return None
        return self.seconds / 3600 * self.usd_per_hour

    @property
    def words(self) -> str:
        """What the time is based on, or that it is unknown."""
        if self.pace is None:
            device = {"cpu": "CPU", "cuda": "GPU"}[self.device]
            return f"the time of training is unknown: no run of {self.step} was measured on this machine's {device}"
        return (
            f"the time of training comes from an earlier run of {self.step}: {self.pace.seconds_a_step:.3g} s a step, over "
            f"{self.pace.steps} steps on {self.pace.device}; loading and encoding take more"
        )


@dataclass(frozen=True, kw_only=True)
class PersonaPlan:
    """`exact`: the item store has what ingest measured of all raw photographs; otherwise numbers are the most that can come of
    the files. `unchanged` are the first stages that DVC does not run, whatever the item store has. `quality` is that of the
    training set as it was last made, None before."""

    stages: Sequence[StagePlan]
    train: Training
    exact: bool
    unchanged: Sequence[str] = ()
    quality: Sequence[Reading] | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All of it; `max_usd` None is no limit, `missing_keys` are names of variables that are not set."""

    personas: dict[str, PersonaPlan]
    calls: int
    usd: float
    seconds: float | None
    max_usd: float | None
    spent_usd: float
    missing_keys: Sequence[str]
    stale_params: bool

    @property
    def exceeds(self) -> bool:
        """Whether the budget is too small for it; a plan that buys nothing exceeds nothing."""
        if self.max_usd is None or not self.usd:
            return False
        return self.spent_usd + self.usd > self.max_usd + ROUNDING_USD


def show_plan(plan: Plan) -> None:
    """The plan as tables, and in sentences what a person has to know of it."""
    for name, persona in plan.personas.items():
        show(_table(name, persona))
        if persona.quality is not None:
            show_quality(name, persona.quality)
    for sentence in sentences(plan):
        say(sentence)


def show_quality(name: str, found: Sequence[Reading]) -> None:
    """The light of the set, and a line for each measure that is red or amber."""
    light, mend = worst(found), to_mend(found)
    green = sum(one.light == "green" for one in found)
    unknown = sum(one.light == "unknown" for one in found)
    as_the_demo = "; the demo's few rendered photographs are red, too" if light == "red" else ""
    advice = f" It is advice and stops no run{as_the_demo}." if mend else ""
    say(
        f"{name}: the training set as it was last made is {light.upper()}: {green} measures are green, "
        f"{len(mend)} can be improved, {unknown} unknown.{advice}"
    )
    for one in mend:
        say(f"  {one.light:<6} {one.words}: {one.value}; {one.advice}")


def sentences(plan: Plan) -> list[str]:
    """What stands below the tables."""
    lines = [line for persona in plan.personas.values() for line in persona.stages]
    most = "at most " if any(line.at_most and line.calls for line in lines) else ""
    unchanged = [name for name, persona in plan.personas.items() if persona.unchanged]
    ends = [_end(name, persona) for name, persona in plan.personas.items()]
    if not any(line.to_do for line in lines):
        why = ": the item store has everything"
        if unchanged:
            why = f": DVC runs none of these stages of {', '.join(unchanged)}"
        lines_below = [f"Nothing to do from ingest to caption{'' if any(ends) else why}. $0."]
    else:
        time, cost = f"about {format_seconds(plan.seconds)}", "none of them costs money"
        if plan.seconds is None:
            time = "time unknown: no whole run was measured"
        if plan.calls:
            cost = f"{most}{plan.calls} calls for {format_usd(plan.usd)}"
        lines_below = [f"To do: {sum(line.to_do for line in lines)} items; {cost}; {time}."]
    lines_below += filter(None, ends)
    lines_below += [
        f"{name}: DVC passes over {', '.join(plan.personas[name].unchanged)}: inputs, settings and results are those of {LOCK}. "
        "This machine's item store lacks some of their items: once such a stage has to run, these are made and bought anew, "
        "unless a team's store has them (items.remote)."
        for name in unchanged
    ]
    trained = [(name, persona.train) for name, persona in plan.personas.items()]
    lines_below += [f"{name}: training needs {train.memory}." for name, train in trained if train.memory]
    lines_below += [f"{name}: {train.words}." for name, train in trained]
    lines_below.append(budget_words(plan.spent_usd, plan.max_usd))
    if plan.exceeds:
        lines_below.append(
            "WARNING: the plan exceeds the budget. A run would stop before the purchase that could exceed it; raise "
            "budget.max_usd in conf/budget/ and run `make params`, or plan less (swap.sources_per_target)."
        )
    for name, persona in plan.personas.items():
        if not persona.exact and any(line.to_do for line in persona.stages):
            lines_below.append(
                f"{name}: the item store lacks what ingest measures of all raw photographs, so these numbers are upper bounds. "
                f"`dvc repro -f ingest@{name}` makes them exact, at no cost."
            )
    if plan.missing_keys:
        lines_below.append(f"Not set, and needed: {', '.join(plan.missing_keys)}.")
    if plan.stale_params:
        lines_below.append(
            "conf/ is newer than params.yaml, and this plan is of the old settings: run `make params`."
        )
    return lines_below


def _end(name: str, persona: PersonaPlan) -> str | None:
    """What is said where no image is left for a stage."""
    empty = next((line.stage for line in persona.stages if not line.items), None)
    words = f"WARNING: {name}: no image is left for {empty}; `dvc repro` ends there or before, and says why."
    return empty and words


def _table(name: str, persona: PersonaPlan) -> Table:
    numbers = ("items", "reused", "to do", "calls", "cost", "time")
    view = table(f"{name}: the plan", left=["stage"], right=numbers)
    view.add_column()
    for line in persona.stages:
        view.add_row(
            line.stage,
            str(line.items),
            str(line.reused),
            str(line.to_do),
            str(line.calls or "-"),
            format_usd(line.usd) if line.usd else "-",
            format_seconds(line.seconds),
            "at most" if line.at_most else "",
        )
    view.add_section()
    sums = [sum(getattr(line, field) for line in persona.stages) for field in ("to_do", "calls")]
    usd = sum(line.usd for line in persona.stages)
    view.add_row(
        "total", "", "", *map(str, sums), format_usd(usd), format_seconds(together(persona.stages)), ""
    )
    train = persona.train
    cost = "-" if train.usd is None else format_usd(train.usd)
    steps = "by epochs" if train.steps is None else f"{train.steps} steps"
    view.add_row("train", steps, "", "", "-", cost, format_seconds(train.seconds), "if DVC runs it")
    return view


def together(lines: Sequence[StagePlan]) -> float | None:
    """Stages run one after the other."""
    known = [line.seconds for line in lines if line.seconds is not None]
    return sum(known) if len(known) == len(lines) else None
