"""s3-demo: two machines, one bucket, on a real S3 server on this machine (`make s3-demo`, no account, no key needed).

Two throwaway clones stand for two machines. The first makes everything and shares it; the second gets every item from
the bucket; a wrong secret is told before any work; a persona is published; `dvc push` and `dvc pull` carry the rest.
docs/s3.md says how to do each step with a bucket of your own.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import s3fs

from fakes.s3 import REGION, S3Server
from likeness.paths import PersonaPaths
from likeness.pipeline.stage import BY_FOLDER, folders_before
from tools.repository_clone import RepositoryClone, clone_repository

BUCKET = "likeness-demo"
ITEMS, SHELF, CACHE = (f"s3://{BUCKET}/{prefix}" for prefix in ("items", "published", "dvc"))
# The stages that make images, by the file that their counts are kept in.
COUNTED = {
    BY_FOLDER[name].name: f"data-jade-{name}" for name in folders_before("dataset", PersonaPaths("jade"))
}
STARTED = time.monotonic()


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="likeness-s3-demo-") as folder,
        S3Server(Path(folder) / "server") as server,
    ):
        os.environ.update(server.environment())
        say(f"A real S3 server (nanio) at {server.url}; keys are in the environment, in no file")
        s3fs.S3FileSystem().mkdir(BUCKET)
        first, second = (machine(Path(folder) / name) for name in ("first", "second"))

        say(f"First machine: items.remote is {ITEMS}; `dvc repro` makes everything and shares it")
        first.repro()
        made = tell_counts(first)

        say("Second machine with a wrong secret: one clear error, before any work")
        second.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
        print(indented(second.dvc("repro", "ingest@jade", check=False), "was refused", "remedy"))
        second.env |= server.environment()

        say("Second machine with the right one: the same graph up to the captions, nothing is made again")
        second.repro("caption@jade")
        again = tell_counts(second)
        expect(made > 0 and again == 0, f"the first machine made {made} items, the second {again}")

        say(
            "First machine: `dvc push` to the bucket through dvc-s3; second machine: `dvc pull` of what the first trained"
        )
        for one in (first, second):
            one.dvc("remote", "add", "--default", "bucket", CACHE)
            one.dvc("remote", "modify", "bucket", "endpointurl", server.url)
            one.dvc("remote", "modify", "bucket", "region", REGION)
        print(indented(first.dvc("push"), "pushed"))
        (second.folder / "dvc.lock").write_bytes(
            (first.folder / "dvc.lock").read_bytes()
        )  # as git would bring it
        print(indented(second.dvc("pull"), "fetched", "added"))
        weights = "models/jade/jade-v1.safetensors"
        expect(
            first.sha256(weights) == second.sha256(weights), f"{weights} is the same file on both machines"
        )

        say(f"First machine: `likeness publish jade` to {SHELF}, twice: the second time nothing has changed")
        for _ in range(2):
            told = first.run(sys.executable, "-m", "likeness", "publish", "jade").stdout
            print(indented(told))
        expect("0 files uploaded" in told, "only what changed is sent")

        say("What is in the bucket now")
        listing = s3fs.S3FileSystem(use_listings_cache=False).find(BUCKET, detail=True)
        for prefix in (ITEMS, CACHE, SHELF):
            sizes = [one["size"] for name, one in listing.items() if f"s3://{name}".startswith(f"{prefix}/")]
            print(f"  {prefix:<32} {len(sizes):>4} objects {sum(sizes) / 1e6:8.1f} MB")
        for name in sorted(listing):
            if f"s3://{name}".startswith(SHELF) and "/images/" not in name and "/captions/" not in name:
                print(f"  s3://{name}")
    say("Done; server and clones are removed")


def machine(folder: Path) -> RepositoryClone:
    """A clone with few photographs and a short training, which shares its items."""
    folder.mkdir()
    clone = clone_repository(folder)
    clone.params(f"items.remote={ITEMS}", f"publish.url={SHELF}")
    return clone


def tell_counts(clone: RepositoryClone) -> int:
    """Print what each stage made and reused; returns how much was made."""
    counts = {stage: clone.ledger(name) for stage, name in COUNTED.items()}
    for stage, count in counts.items():
        print(f"  {stage:<8} made {count['made']:>3}  reused {count['reused']:>3}")
    return sum(count["made"] for count in counts.values())


def indented(text: str, *having: str) -> str:
    """The lines (those that have one of the words), set off from the narration."""
    lines = [
        line for line in text.splitlines() if line.strip() and (not having or any(w in line for w in having))
    ]
    return "\n".join(f"  | {line.strip()}" for line in lines)


def expect(holds: bool, what: str) -> None:
    """Every claim of the demo is checked."""
    print(f"  {'ok' if holds else 'NOT SO'}: {what}")
    if not holds:
        raise SystemExit(1)


def say(text: str) -> None:
    print(f"\n[{time.monotonic() - STARTED:4.0f} s] {text}", flush=True)


if __name__ == "__main__":
    main()
