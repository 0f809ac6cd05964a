"""The files by which a gallery is deployed. No image is built here: this holds what they say against the repository."""

import ipaddress
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from gallery.cli.app import app
from gallery.cli.serve import API
from gallery.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "gallery" / "deploy"
DOCKERFILES = sorted(DEPLOY.glob("*.Dockerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "worker", "web")
PINNED = re.compile(r"[a-z/]+(:\d+\.\d+(\.\d+)?-[a-z-]+|@sha256:[0-9a-f]{64})\Z")
OTHERS = {
    "POSTGRES_USER",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
    "GALLERY_DOMAIN",
    "GALLERY_USER",
    "GALLERY_DATA",
}
"""Names of the compose file that are no settings of the gallery."""


def lines(path: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile: (COPY, the rest), with continued lines as one."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def stages(path: Path) -> dict[str, str]:
    """Each stage of a Dockerfile and what it is made of."""
    froms = [rest.split() for word, rest in lines(path) if word == "FROM"]
    return {one[2]: one[0] for one in froms}


def variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", text))


def setting(name: str) -> bool:
    return name.startswith("GALLERY_") and name.removeprefix("GALLERY_").lower() in Settings.model_fields


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_everything_that_is_copied_is_in_the_repository_and_not_kept_out(path: Path) -> None:
    ignored = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[0] == "*"
    copied = [rest.split()[:-1] for word, rest in lines(path) if word == "COPY" and "--from" not in rest]
    assert copied
    for name in [one for each in copied for one in each]:
        tracked = subprocess.run(
            ["git", "ls-files", "--", name], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert tracked, f"{name} is not in the repository"
        assert name.split("/")[0] in let_in, f"{name} does not reach the builder"
    for name in let_in:
        assert (ROOT / name).exists()


def test_what_the_image_installs_is_what_pyproject_asks_for() -> None:
    text = (DEPLOY / "gallery.Dockerfile").read_text()
    torch = re.search(r'"(torch[^"]*)"', text)
    assert torch is not None
    assert f'"{torch[1]}"' in (ROOT / "pyproject.toml").read_text()
    packages = re.search(r"include = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert packages is not None
    # The fakes are for tests; hydra_plugins and what gallery imports are not.
    assert set(re.findall(r'"(\w+)\*"', packages[1])) - {"fakes"} <= set(
        re.findall(r"^COPY (\w+) ", text, re.MULTILINE)
    )


def test_images_are_pinned_and_nobody_is_root() -> None:
    bases = [base for path in DOCKERFILES for base in stages(path).values() if base not in stages(path)]
    images = [one["image"] for one in SERVICES.values() if "image" in one]
    assert bases
    assert images
    for image in bases + images:
        assert PINNED.match(image), image
    for path in DOCKERFILES:
        last = [rest for word, rest in lines(path) if word == "USER"]
        assert last, path
        assert last[-1] not in ("root", "0")


@pytest.mark.parametrize("name", OURS)
def test_each_service_is_built_from_a_stage_that_is_there(name: str) -> None:
    build = SERVICES[name]["build"]
    root = (DEPLOY / build["context"]).resolve()
    assert root == ROOT
    assert build["target"] in stages(root / build["dockerfile"])
    declared = {rest.split("=")[0] for word, rest in lines(root / build["dockerfile"]) if word == "ARG"}
    assert set(build.get("args", {})) <= declared


@pytest.mark.parametrize("stage", ["api", "worker"])
def test_the_containers_run_commands_that_there_are(stage: str) -> None:
    found = lines(DEPLOY / "gallery.Dockerfile")
    at = next(i for i, (word, rest) in enumerate(found) if word == "FROM" and rest.endswith(f"AS {stage}"))
    command = next(yaml.safe_load(rest) for word, rest in found[at:] if word == "CMD")
    assert ("ENTRYPOINT", '["likeness-gallery"]') in found
    assert 'likeness-gallery = "gallery.cli.app:main"' in (ROOT / "pyproject.toml").read_text()
    parsed = get_command(app).commands[command[0]].make_context(command[0], command[1:])  # type: ignore[attr-defined]
    if stage == "api":
        assert (parsed.params["worker"], parsed.params["host"]) == (False, "0.0.0.0")
        port = str(parsed.params["port"])
        assert ("EXPOSE", port) in found
        assert SERVICES["web"]["environment"][API] == f"http://api:{port}"
        assert f":{port}/api/session" in str(SERVICES["api"]["healthcheck"])


def test_the_pages_listen_where_the_proxy_asks() -> None:
    found = dict(lines(DEPLOY / "web.Dockerfile"))
    command = yaml.safe_load(found["CMD"])
    assert found["EXPOSE"] == command[command.index("-p") + 1]
    assert f"reverse_proxy web:{found['EXPOSE']}" in (DEPLOY / "Caddyfile").read_text()
    assert (DEPLOY / "Caddyfile").is_file()


def test_every_variable_is_a_setting_and_the_docs_name_it() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    names = variables(text)
    for one in SERVICES.values():
        names |= set(one.get("environment", {}))
    for path in DOCKERFILES:
        names |= {
            name
            for word, rest in lines(path)
            if word == "ENV"
            for name in re.findall(r"(GALLERY_\w+)=", rest)
        }
    page = (ROOT / "docs" / "gallery.md").read_text()
    for name in names - OTHERS - {API, "HOME"}:
        assert setting(name), f"{name} is no setting"
    for name in names - {"HOME", "POSTGRES_USER", "POSTGRES_DB"}:
        assert name in page, f"docs/gallery.md does not name {name}"


def test_settings_take_what_compose_gives() -> None:
    given = {name: str(value) for name, value in SERVICES["api"]["environment"].items() if setting(name)}
    plain = {
        name.removeprefix("GALLERY_").lower(): re.sub(r"\$\{[^}]*\}", "x" * 32, value)
        for name, value in given.items()
    }
    settings = Settings(**plain)  # type: ignore[arg-type]
    assert not settings.is_local
    subnet = COMPOSE["networks"]["gallery"]["ipam"]["config"][0]["subnet"]
    assert settings.trusted_proxies == subnet == str(ipaddress.ip_network(subnet))


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["proxy"]


def test_no_key_is_in_the_files() -> None:
    secret = re.compile(r"PASSWORD|SECRET|KEY|TOKEN")
    for one in SERVICES.values():
        for name, value in one.get("environment", {}).items():
            assert not secret.search(name) or re.fullmatch(rf"\$\{{{name}:\?[^}}]*\}}", value), name
    for path in DOCKERFILES:
        assert not [rest for word, rest in lines(path) if word in ("ENV", "ARG") and secret.search(rest)]
    done = subprocess.run(["git", "check-ignore", "-q", "gallery.env"], cwd=ROOT, check=False)
    assert done.returncode == 0
