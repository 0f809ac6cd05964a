"""What `likeness consent new` and `likeness persona new` take of a record; what is left out is asked for on a terminal."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Kind = Annotated[
    Literal["self", "release", "synthetic"] | None,
    typer.Option(help="self: you; release: somebody who signed; synthetic: a synthetic person."),
]
Subject = Annotated[str | None, typer.Option(help="Who it is: Mia Example.")]
AttestedBy = Annotated[str | None, typer.Option(help="Who saw what: passport seen by the studio.")]
Age = Annotated[int | None, typer.Option("--age", help="Years, 18 at least.")]
Evidence = Annotated[
    Path | None, typer.Option(help="The signed release, or how a synthetic person was made; it is copied.")
]
Scope = Annotated[
    list[str] | None, typer.Option(help="swap, train, generate; once for each. All three by default.")
]
Signed = Annotated[str | None, typer.Option(help="The day of the signature, 2026-11-22. Today by default.")]
Expires = Annotated[str | None, typer.Option(help="The last day, within 24 months. 12 months by default.")]
