"""summary: what the last run made, reused and refused, what it cost, and where to look (`make demo` ends with it)."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from likeness.batch import ledger_path
from likeness.config import load_config
from likeness.naming import Places, cache_root
from stages import PARAMS

# Where nobody's terminal sets a width, e.g. in a log.
LOG_COLUMNS = 110

STAGES = ("ingest", "swap", "resize", "enhance", "caption", "dataset", "train", "evaluate", "report")


def main() -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_COLUMNS)
    for persona in load_config(PARAMS).personas:
        places = Places(persona)
        console.print(table(persona, places))
        for what, path in results(places):
            if path.exists():
                console.print(f"  {what:<10} {path}", highlight=False, soft_wrap=True)


def table(persona: str, places: Places) -> Table:
    folders = {stage: getattr(places, folder) for stage, folder in FOLDERS.items()}
    view = Table(title=f"{persona}: the last run of each stage", title_justify="left")
    for heading in ("stage", "items", "made", "reused", "failed", "refused", "skipped", "seconds", "cost"):
        view.add_column(heading, justify="left" if heading == "stage" else "right")
    total_s = total_usd = 0.0
    for stage in STAGES:
        counts = _read(ledger_path(folders[stage])) if stage in folders else {}
        seconds = _read(cache_root() / "ledger" / f"{stage}@{persona}.json").get("seconds")
        total_s += seconds or 0.0
        total_usd += counts.get("cost_usd", 0.0)
        numbers = [
            str(counts.get(key, "")) for key in ("items", "made", "reused", "failed", "refused", "skipped")
        ]
        cost = f"${counts['cost_usd']:.2f}" if counts else ""
        view.add_row(stage, *numbers, "" if seconds is None else f"{seconds:.1f}", cost)
    view.add_section()
    view.add_row("total", *[""] * 6, f"{total_s:.1f}", f"${total_usd:.2f}")
    return view


FOLDERS = {
    "ingest": "ingested",
    "swap": "swapped",
    "resize": "resized",
    "enhance": "enhanced",
    "caption": "captions",
    "dataset": "lora_training",
}


def results(places: Places) -> list[tuple[str, Path]]:
    """What a person looks at, most telling first."""
    return [
        ("report", (places.report / "index.html").absolute()),
        ("LoRA", places.weights),
        ("dataset", places.dataset_zip),
        ("samples", places.evaluation / "contact_sheet.png"),
    ]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.is_file() else {}


if __name__ == "__main__":
    main()
