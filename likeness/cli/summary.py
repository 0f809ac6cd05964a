"""summary: what the last run made, reused and refused, what it cost, and where to look (`make demo` ends with it)."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from likeness.config import load_config
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.pipeline.stage import STAGES
from likeness.purchases.history import (
    budget_words,
    format_usd,
    last_counts,
    last_seconds,
    purchases,
    total_usd,
)
from likeness.run import PARAMS

# Where nobody's terminal sets a width, e.g. in a log.
LOG_COLUMNS = 110


def main() -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_COLUMNS)
    cfg, repository = load_config(PARAMS), RepositoryPaths.here()
    for persona in cfg.personas:
        places = PersonaPaths(persona)
        console.print(table(repository, persona))
        for what, path in results(places):
            if path.exists():
                console.print(f"  {what:<10} {path}", highlight=False, soft_wrap=True)
    spent = total_usd(purchases(repository.spending))
    if spent:
        console.print(budget_words(spent, cfg.budget.max_usd), highlight=False, soft_wrap=True)


def table(repository: RepositoryPaths, persona: str) -> Table:
    view = Table(title=f"{persona}: the last run of each stage", title_justify="left")
    for heading in ("stage", "items", "made", "reused", "failed", "refused", "skipped", "seconds", "cost"):
        view.add_column(heading, justify="left" if heading == "stage" else "right")
    total_s = spent = 0.0
    for stage in (spec.name for spec in STAGES if spec.per_persona):
        counts, seconds = last_counts(repository, stage, persona), last_seconds(repository, stage, persona)
        total_s += seconds or 0.0
        spent += counts.get("cost_usd", 0.0)
        numbers = [
            str(counts.get(key, "")) for key in ("items", "made", "reused", "failed", "refused", "skipped")
        ]
        cost = format_usd(counts["cost_usd"]) if counts else ""
        view.add_row(stage, *numbers, "" if seconds is None else f"{seconds:.1f}", cost)
    view.add_section()
    view.add_row("total", *[""] * 6, f"{total_s:.1f}", format_usd(spent))
    return view


def results(places: PersonaPaths) -> list[tuple[str, Path]]:
    """What a person looks at, most telling first."""
    return [
        ("report", places.report_page.absolute()),
        ("LoRA", places.weights),
        ("dataset", places.dataset_zip),
        ("samples", places.contact_sheet),
    ]


if __name__ == "__main__":
    main()
