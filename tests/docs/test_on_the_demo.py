"""The pages' longer lines, typed from top to bottom as a reader would, each page in a copy of one clone after `make demo`."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_commands import ON_THE_DEMO
from doc_pages import ROOT, blocks, shown
from omegaconf import OmegaConf
from reader import Reader, reader_of

from fakes.s3 import S3Server
from likeness.paths import PersonaPaths
from tools.repository_clone import SHORT, RepositoryClone, clone_repository

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1800)]

OWN_TESTS = (
    "README.md",
    "docs/sweeps.md",
    "docs/costs.md",
    "docs/personas.md",
    "docs/providers.md",
    "docs/s3.md",
)
JADE, MIA = PersonaPaths("jade"), PersonaPaths("mia")


def shorten(reader: Reader) -> None:
    """Write the short settings to the clone's conf/, so that `dvc exp run` and `make params` compose them too."""
    groups = [one for one in SHORT if "." not in one.partition("=")[0]]
    values = OmegaConf.to_yaml(OmegaConf.from_dotlist([one for one in SHORT if one not in groups]))
    defaults = "".join(f"  - override /{one.replace('=', ': ')}\n" for one in groups)
    conf = reader.folder / "conf"
    (conf / "short.yaml").write_text(f"# @package _global_\ndefaults:\n{defaults}\n{values}")
    config = conf / "config.yaml"
    config.write_text(
        config.read_text().replace("  - tracking: mlflow\n", "  - tracking: mlflow\n  - short\n")
    )
    reader.bash("likeness params && git add -A && git commit -qm short")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A clone with few photographs and a short training, after `make demo`."""
    reader = reader_of(clone_repository(tmp_path_factory.mktemp("made")))
    shorten(reader)
    said = reader.types("make demo")
    assert "Running stage 'report@jade'" in said
    assert (reader.folder / JADE.report_page).is_file()
    return reader


@pytest.fixture
def demo(made: Reader, tmp_path: Path) -> Reader:
    """A copy of it."""
    shutil.copytree(made.folder, tmp_path / "demo", symlinks=True)
    return reader_of(RepositoryClone(tmp_path / "demo"))


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[S3Server]:
    with S3Server(tmp_path / "s3") as server:
        (server.folder / "my-likeness").mkdir()
        yield server


@pytest.mark.parametrize("page", [page for page in ON_THE_DEMO if page not in OWN_TESTS])
def test_a_page_runs(demo, page):
    demo.follows(ROOT / page, PERSONA="jade")


def test_the_readme_runs(demo):
    said = demo.follows(ROOT / "README.md")
    trial = said["dvc exp run -S 'train.optimizer.lr=1e-4' -S train.lora.rank=16"]
    assert re.findall(r"Running stage '([a-z]+)", trial) == ["check", "train", "evaluate", "report"]
    bought = said["likeness params +experiment=fakes && likeness plan && dvc repro"]
    assert "maxstudio" in demo.bash("likeness spending")
    assert "Running stage 'report@jade'" in bought


def test_the_sweep_runs_and_prints_what_the_page_shows(demo):
    page = ROOT / "docs" / "sweeps.md"
    said = demo.follows(page)
    for line, rows in shown(page).items():
        if line.startswith("dvc exp show"):
            columns = [word for word in rows[0].split() if word in said[line]]
            assert columns == rows[0].split()
            continue
        stable = [row for row in rows if not row.startswith("Queued experiment")]
        assert [row for row in stable if row not in said[line]] == []


def test_the_plan_is_the_one_that_the_page_shows(tmp_path_factory):
    photographs = [path.name for path in (ROOT / "data/jade/raw").rglob("*.*")]
    folder = tmp_path_factory.mktemp("photographs")
    reader = reader_of(clone_repository(folder, tuple(photographs), tuple(photographs)))
    reader.bash("likeness params && git commit -qam whole")
    page = ROOT / "docs" / "costs.md"
    said = reader.follows(page)
    shows, prints = (
        table(rows) for rows in (shown(page)["likeness plan"], said["likeness plan"].splitlines())
    )
    assert len(shows) == 7
    assert prints == shows


def table(rows: list[str]) -> list[list[str]]:
    """The cells of a table's rows but the times, which a machine decides."""
    cells = [[cell.strip() for cell in re.split("[│|]", row)[1:-1]] for row in rows if row.startswith("│")]
    return [row[:6] + row[7:] for row in cells]


def test_a_person_of_ones_own_runs(demo):
    """The photographs are those of jade under another name."""
    said = demo.follows(ROOT / "docs" / "personas.md")
    assert "Running stage 'report@mia'" in said["dvc repro report@mia"]
    assert (demo.folder / MIA.weights).is_file()


def test_remote_providers_run(demo):
    with demo.serves("make fakes"):
        said = demo.follows(ROOT / "docs" / "providers.md")
    assert "Running stage 'dataset@jade'" in said["make params && likeness plan && dvc repro"]
    assert "xai" in demo.bash("likeness spending")


def test_a_bucket_is_used(demo, bucket):
    demo.env |= bucket.environment()
    demo.bash(
        "sed -i 's,^url: .*,url: s3://my-likeness/published,' conf/publish/default.yaml"
        " && sed -i 's,^remote: .*,remote: s3://my-likeness/items,' conf/items/local.yaml"
        " && make params && dvc repro && git add -A && git commit -qm bucket"
    )
    page = ROOT / "docs" / "s3.md"
    demo.follows(page, **{"https://ACCOUNT.r2.cloudflarestorage.com": bucket.url})
    published = bucket.folder / "my-likeness" / "published"
    names = {path.relative_to(published).as_posix() for path in published.rglob("*") if path.is_file()}
    examples = next(text for _, text in blocks(page) if text.startswith("jade/images/")).split()
    assert [
        name for name in examples if not name.endswith("/") and "enhanced" not in name and name not in names
    ] == []
    weights = demo.folder.with_name("second") / JADE.weights
    assert weights.read_bytes() == (demo.folder / JADE.weights).read_bytes()
