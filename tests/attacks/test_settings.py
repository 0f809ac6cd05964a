"""Settings that would run code, read the environment, or say more than they show."""

import ast
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump

from hydra_plugins.likeness_conf_digest import set_params
from likeness.cli.compose import compose, refuse_unknown_overrides
from likeness.conf_digest import conf_digest, refuse_resolvers
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.secret_values import refuse_secrets
from likeness.strict_yaml import parse_yaml, read_yaml
from tools.repository_clone import ROOT

CODE = [
    "numpy.load", "pathlib.Path.write_text", "urllib.request.urlretrieve", "os.system", "subprocess.run", "builtins.eval",
    "torch.load", "torch.hub.load", "likeness.swap.local.LocalSwapper.__init__", "likeness.swap.items.LocalSwapper",
    "likeness.providers.build", "hydra.utils.instantiate", "", None, 7, ["numpy.load"],
]  # fmt: skip


def params(tmp_path: Path, **places: object) -> Path:
    values = read_yaml(ROOT / "params.yaml", remedy="")
    for place, value in places.items():
        *sections, last = place.split("__")
        section = values
        for name in sections:
            section = section[name]
        section[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize("target", CODE, ids=str)
@pytest.mark.parametrize("section", ["swap", "enhance", "caption"])
def test_only_a_registered_provider_may_be_named(tmp_path, section, target):
    with pytest.raises(ConfigError):
        load_config(
            params(
                tmp_path,
                **{f"{section}__provider": {"_target_": target, "file": "x.npy", "allow_pickle": True}},
            )
        )


@pytest.mark.parametrize(
    "target",
    ["torch.load", "torch.optim.os.system", "torch.optim.lr_scheduler.StepLR", "torch.hub.load", "x"],
)
def test_only_an_optimizer_may_be_named(tmp_path, target):
    with pytest.raises(ConfigError):
        load_config(params(tmp_path, train__optimizer___target_=target))


@pytest.mark.parametrize(
    "place", ["ingest", "tracking", "base", "s3", "budget", "report", "publish", "dataset"]
)
def test_no_other_section_names_a_class(tmp_path, place):
    with pytest.raises(ConfigError, match="_target_"):
        load_config(params(tmp_path, **{f"{place}___target_": "numpy.load"}))


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2", "a: {b: 1, b: 2}", "- {a: 1, a: 2}", "1: x\n0x1: y", "a: &x 1", "a: &x [1]\nb: *x", "<<: {a: 1}",
        "a: !!python/object:os.system {}",
        "a: !!binary aGk=", "!!map {a: 1}", "[" * 60 + "]" * 60, "{a: " * 60 + "1" + "}" * 60, "- " * 60 + "a",
        "? " * 60 + "a", "a: [",
        "\n".join("  " * n + f"k{n}:" for n in range(60)),
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_yaml_that_says_more_than_it_shows_is_refused(text):
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text)


def test_a_bomb_of_aliases_is_refused_before_it_grows():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(yaml.YAMLError, match="anchor"):
        parse_yaml(bomb)


LAXER = (
    "0.99",
    "9.9e-1",
    "+0.99",
    "'0.99'",
    ".inf",
    ".nan",
    "true",
    "1:39",
    "0x1",
    "!!float 0.99",
    "[0.99]",
    "{a: 1}",
    "null",
    "~",
    "",
)


@pytest.mark.parametrize("written", LAXER)
@pytest.mark.parametrize(
    "file", ["{}", "\ufeff{}", "{}\r\n", "# \u2028\n{}"], ids=["plain", "BOM", "CRLF", "separator"]
)
def test_a_floor_holds_however_a_number_is_written(tmp_path, written, file):
    text = (ROOT / "params.yaml").read_text()
    line = next(one for one in text.splitlines() if one.startswith("  max_explicit:"))
    path = tmp_path / "params.yaml"
    changed = text.replace(line, f"  max_explicit: {written}", 1)
    path.write_bytes(file.replace("{}", changed.replace("\n", "\r\n") if "\r" in file else changed).encode())
    with pytest.raises(ConfigError):
        load_config(path)


def test_plain_values_are_read():
    assert parse_yaml("a: [1, {b: x}]\nc: 'R&D: 2 * 3!'\nd: null\n") == {
        "a": [1, {"b": "x"}],
        "c": "R&D: 2 * 3!",
        "d": None,
    }


def test_a_device_a_pipe_and_what_is_no_text_are_no_settings(tmp_path):
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    (tmp_path / "big.yaml").write_bytes(b"#" * 9_000_000)
    for name in ("zero", "latin", "big"):
        with pytest.raises(ConfigError):
            read_yaml(tmp_path / f"{name}.yaml", remedy="")


RESOLVERS = [
    "${oc.env:HOME}", "${oc.env:AWS_SECRET_ACCESS_KEY,none}", "x-${oc.env:USER}", "${oc.decode:${oc.env:X}}", "${oc.${budget.x}:HOME}",
    "${now:%Y}", "${hydra:runtime.cwd}", "${python_version:}", "${oc.create:{a: 1}}", "${conf_digest:/etc}", "${env:HOME}",
]  # fmt: skip


@pytest.mark.parametrize("value", RESOLVERS)
def test_nothing_is_computed_while_conf_composes(tmp_path, value):
    with pytest.raises(ConfigError) as caught:
        refuse_resolvers({"a": ["b", {"c": value}]}, where="conf/x.yaml")
    assert caught.value.reason == "resolver"
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "x.yaml").write_text(yaml.safe_dump({"a": value}))
    with pytest.raises(ConfigError):
        conf_digest(tmp_path / "conf")
    with pytest.raises(ConfigError):
        refuse_unknown_overrides([f"tracking.uri={value}"], ROOT)


def test_one_setting_may_repeat_another():
    refuse_resolvers(
        {"a": "${budget.max_usd}", "b": "${.c}-${x.y[0]}", "d": "${conf_digest:conf}"}, where="conf/x.yaml"
    )


def test_hydra_itself_is_not_set_by_an_override(tmp_path):
    for word in ("hydra.searchpath=[/tmp/evil]", "+hydra.run.dir=/tmp", "hydra/launcher=x"):
        with pytest.raises(ConfigError, match="Hydra"):
            compose(ROOT, tmp_path / "params.yaml", [word])
    assert not (tmp_path / "params.yaml").exists()


@pytest.mark.parametrize(
    "words",
    [["-S", "a=1"], ["-Sa=1"], ["-S=a=1"], ["-qS", "a=1"], ["-fSa=1"], ["--set-param", "a=1"], ["--set-param=a=1"],
     ["--set-p", "a=1"], ["--se=a=1"], ["--set-par=a=1", "--queue", "-nSweep", "--single-item"]],
    ids=" ".join,
)  # fmt: skip
def test_an_override_is_seen_however_dvc_takes_it(words):
    assert set_params(["exp", "run", *words]) == ["a=1"]


def test_what_dvc_composes_is_looked_at_under_both_names_of_its_command(monkeypatch, tmp_path):
    """`dvc experiments run` is `dvc exp run`: an experiment that is queued is a commit, and would carry a secret."""
    for command in ("exp", "experiments"):
        monkeypatch.setattr("sys.argv", ["dvc", command, "run", "--queue"])
        with pytest.raises(Exception, match="looks like a secret"):
            compose_and_dump(tmp_path / "params.yaml", str(ROOT / "conf"), None, "config", str(ROOT),
                             ["tracking.uri=sk-proj-abcdefghijklmnopqrstuv"])  # fmt: skip
    assert not (tmp_path / "params.yaml").exists()


SECRETS = {
    "an OpenAI key": "sk-proj-abcdefghijklmnopqrstuv", "an xAI key": "xai-abcdefghijklmnopqrstuvwx",
    "an AWS key": "AKIAIOSFODNN7EXAMPLE",
    "a GitHub token": "ghp_abcdefghijklmnopqrstuvwxyz0123",
    "a hub token": "hf_abcdefghijklmnopqrstuv",
    "a JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ",
    "a private key": "-----BEGIN OPENSSH PRIVATE KEY-----", "a password in a URL": "postgresql://me:secret@db/mlflow",
    "a variable's value": "planted-value-of-the-environment",
}  # fmt: skip


@pytest.mark.parametrize("value", SECRETS.values(), ids=SECRETS)
def test_a_secret_never_reaches_params(tmp_path, monkeypatch, value):
    monkeypatch.setenv("VENDOR_API_KEY", "planted-value-of-the-environment")
    with pytest.raises(ConfigError) as caught:
        compose(ROOT, tmp_path / "composed.yaml", [f"tracking.uri='{value}'"])
    assert caught.value.reason == "secret"
    assert value not in str(caught.value)
    assert not (tmp_path / "composed.yaml").exists()
    with pytest.raises(ConfigError):
        load_config(params(tmp_path, tracking__uri=value))
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "x.yaml").write_text(yaml.safe_dump({"uri": value}))
    with pytest.raises(ConfigError):
        conf_digest(tmp_path / "conf")


def test_a_secrets_name_is_enough_and_a_variables_name_is_none():
    with pytest.raises(ConfigError, match=r"provider\.api_key"):
        refuse_secrets({"provider": {"api_key": "correcthorsebattery"}}, where="conf")
    refuse_secrets(
        {"provider": {"api_key_env": "XAI_API_KEY"}, "kohya": {"keep_tokens": "several"}}, where="conf"
    )


def patterns() -> list[tuple[str, int, str]]:
    """(file, line, text) of each literal that pydantic is given as `pattern`; what an f-string puts in stands as `...`."""
    found = []
    for path in sorted((ROOT / "likeness").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "pattern":
                parts = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
                assert all(isinstance(one, ast.Constant) for one in (parts[0], parts[-1])), (
                    f"{path}:{node.value.lineno}: a pattern that no test can read"
                )
                text = "".join(one.value if isinstance(one, ast.Constant) else "..." for one in parts)
                found.append((path.name, node.value.lineno, text))
    return found


def test_every_pattern_is_anchored_at_both_ends():
    """pydantic searches: an unanchored pattern lets anything stand around what it names. In its engine `$` is the end itself."""
    found = patterns()
    assert found
    loose = [
        one
        for one in found
        if not (one[2].startswith("^") and one[2].endswith(("$", r"\z")) and "|" not in one[2].split("(")[0])
    ]
    assert loose == []
