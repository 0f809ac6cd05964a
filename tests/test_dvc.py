"""dvc.yaml lists exactly what a stage reads: no import that changes a result is missing from its deps."""

import ast
import subprocess
from pathlib import Path

import pytest
import yaml
from conf_sections import composition
from dvc.repo import Repo

from likeness.paths import PersonaPaths
from likeness.pipeline import stage

ROOT = Path(__file__).parent.parent
GRAPH = {
    name: values
    for file in ("stages/dvc.yaml", "dvc.yaml")
    for name, values in yaml.safe_load((ROOT / file).read_text())["stages"].items()
}
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
STAGES = tuple(spec.name for spec in stage.STAGES if spec.per_persona)

# Moves bytes and never decides them (docs/decisions/0004).
PLUMBING = {
    "likeness", "likeness.conf_digest", "likeness.config", "likeness.digests", "likeness.disk", "likeness.dvc_files",
    "likeness.errors", "likeness.git", "likeness.git_history", "likeness.http", "likeness.key_files", "likeness.lazy",
    "likeness.lora.signature", "likeness.paths", "likeness.pipeline.batch", "likeness.pipeline.inputs", "likeness.pipeline.manifest",
    "likeness.pipeline.outputs", "likeness.pipeline.stage",
    "likeness.pipeline.supervise", "likeness.pipeline.verified", "likeness.program", "likeness.progress",
    "likeness.providers", "likeness.purchases.budget", "likeness.purchases.buy", "likeness.purchases.prices", "likeness.run",
    "likeness.safety", "likeness.safety.consent", "likeness.setting_problems", "likeness.settings", "likeness.stage_input",
    "likeness.stage_program",
    "likeness.store.cleaning",
    "likeness.store.items", "likeness.store.keys", "likeness.store.orders", "likeness.store.presigned", "likeness.store.record",
    "likeness.store.remote", "likeness.store.s3", "likeness.strict_yaml", "likeness.team_keys", "likeness.tracking",
    "likeness.tracking.cause", "likeness.tracking.tracker", "likeness.vendors.maxstudio", "likeness.vendors.remote",
    "stages",
}  # fmt: skip


def module_path(module: str) -> Path | None:
    base = ROOT / Path(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue  # a run does not import it
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)  # what a table names is imported when it is chosen
    return {
        name
        for name in names
        if name.split(".")[0] in ("likeness", "stages") and name[-1] != "." and module_path(name)
    }


def targets(values) -> set[str]:
    """Modules that Hydra's `_target_` reaches from a section."""
    if isinstance(values, dict):
        found = {values["_target_"].rpartition(".")[0]} if "_target_" in values else set()
        return found.union(*(targets(value) for value in values.values()), set())
    return set()


def closure(stage: str) -> set[Path]:
    todo, seen = {f"stages.{stage}"} | targets(PARAMS.get(stage, {})), set()
    while todo:
        module = todo.pop()
        path = module_path(module)
        if (
            path is None
            or module in seen
            or module in PLUMBING
            or module.startswith("likeness.safety.consent.")
        ):
            continue
        seen.add(module)
        todo |= imported(path)
    return {module_path(module).relative_to(ROOT) for module in seen}


@pytest.mark.parametrize("stage", STAGES)
def test_every_module_that_decides_a_result_is_a_dependency(stage):
    deps = [Path(dep) for dep in GRAPH[stage]["do"]["deps"] if dep.startswith(("likeness", "stages"))]
    missing = {path for path in closure(stage) if not any(path == dep or dep in path.parents for dep in deps)}
    assert not missing


@pytest.mark.parametrize("stage", STAGES)
def test_no_dependency_on_code_is_idle(stage):
    reached = closure(stage)
    deps = [Path(dep) for dep in GRAPH[stage]["do"]["deps"] if dep.startswith(("likeness", "stages"))]
    idle = [dep for dep in deps if not any(path == dep or dep in path.parents for path in reached)]
    assert not idle


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_waits_for_the_check(stage):
    assert "data/checked.json" in GRAPH[stage]["do"]["deps"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_depends_on_the_record_of_its_persona(stage):
    assert "consent/${key}.yaml" in GRAPH[stage]["do"]["deps"]


@pytest.mark.parametrize("stage", STAGES)
def test_no_output_is_persisted_or_kept_from_the_cache(stage):
    outputs = [
        *GRAPH[stage]["do"].get("outs", []),
        *GRAPH[stage]["do"].get("metrics", []),
        *GRAPH[stage]["do"].get("plots", []),
    ]
    for output in outputs:
        flags = next(iter(output.values())) if isinstance(output, dict) else {}
        assert not flags.get("persist")
        assert flags.get("cache", True)


def outs(values: dict) -> set[Path]:
    """All outputs of a stage for jade: outs, metrics and plots."""
    listed = [output for kind in ("outs", "metrics", "plots") for output in values.get(kind, [])]
    names = (next(iter(output)) if isinstance(output, dict) else output for output in listed)
    return {Path(name.replace("${key}", "jade")) for name in names}


@pytest.mark.parametrize(
    "spec", [spec for spec in stage.STAGES if spec.per_persona], ids=lambda spec: spec.name
)
def test_the_graph_keeps_what_the_list_of_stages_says(spec):
    expected = {PersonaPaths("jade").output(name) for name in spec.outputs}
    assert outs(GRAPH[spec.name]["do"]) == expected
    assert spec.folder(PersonaPaths("jade")) in (None, *expected)


def test_the_graph_names_the_stages_in_the_order_of_the_list():
    assert list(GRAPH) == [spec.name for spec in stage.STAGES]


def test_git_keeps_no_output_of_a_stage():
    paths = [str(path) for values in GRAPH.values() for path in outs(values.get("do", values))]
    found = subprocess.run(
        ["git", "check-ignore", "--no-index", *paths, *(f"{path}/x" for path in paths)], cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ignored = set(found.stdout.split())
    assert [path for path in paths if not {path, f"{path}/x"} & ignored] == []


@pytest.fixture
def training_alone(in_tmp) -> Repo:
    """A repository of DVC with the graph's train, without what it makes and reads."""
    repo = Repo.init(no_scm=True)
    graph = {
        "train": {"foreach": "${personas}", "do": {"cmd": "true", "params": GRAPH["train"]["do"]["params"]}}
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": graph}))
    return repo


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of dvc's own libraries
@pytest.mark.parametrize(
    ("drawn", "change", "again"),
    [
        ([], "evaluate.prompts=[a tree]", False),
        (["train.selection.sample_every_steps=100"], "evaluate.prompts=[a tree]", True),
        (["train.data.prior_images=9"], "evaluate.prompts=[a tree]", False),
        (["train.data.prior_images=9"], "evaluate.guidance_scale=3", True),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_new_prompt_trains_anew_only_where_training_draws(training_alone, drawn, change, again):
    params = Path("params.yaml")
    params.write_bytes(composition(*drawn))
    training_alone.reproduce()
    assert training_alone.status() == {}
    params.write_bytes(composition(*drawn, change))
    with Repo() as later:
        assert list(later.status()) == (["train@jade"] if again else [])


def test_the_graph_has_one_stage_a_step_and_persona():
    assert set(GRAPH) == {"check", *STAGES}
    assert all(GRAPH[stage]["foreach"] == "${personas}" for stage in STAGES)
