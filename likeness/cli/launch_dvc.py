"""DVC's state before a launch: the files that the machine's stages need and make, and whether they are up to date."""

from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from likeness.cli.arguments import to_stderr
from likeness.cloud import Machine
from likeness.cloud.plan import STAGES, Load
from likeness.errors import ConfigError
from likeness.git import file_at
from likeness.pipeline.stage import CHECK_TARGET
from likeness.secret_values import refuse_secrets

LAST_DATA_STAGE = "dataset"
SHOWN = 5
COMMANDS = {"reproduce": "repro"}


class LaunchFiles:
    """The files of one persona's train, evaluate and report, as dvc.yaml, dvc.lock and *.dvc name them."""

    def __init__(self, root: Path, persona: str) -> None:
        from dvc.repo import Repo  # pyright: ignore[reportMissingTypeStubs]

        self._root, self._persona = root, persona
        self._repo: Any = cast(Any, Repo)(str(root))
        self._stages = [stage for name in STAGES for stage in self._repo.stage.collect(f"{name}@{persona}")]

    def remote(self) -> str:
        """The name of the DVC remote that data goes through.

        Raises:
            ConfigError: there is none, or only this computer's own settings name it, or a key is committed with it.
        """
        name = self._repo.config["core"].get("remote")
        committed = file_at("HEAD", ".dvc/config", self._root) or ""
        if not name or f'remote "{name}"' not in committed.replace("'", ""):
            raise ConfigError(
                "data goes to the machine and back through DVC's default remote, and the revision names none",
                reason="no-dvc-remote",
                remedy="dvc remote add --default team s3://BUCKET/dvc && git commit -m remote .dvc/config (docs/s3.md)",
            )
        written = ConfigParser(interpolation=None)
        written.read_string(committed)
        # The whole revision goes up, and a clone of it to whoever has the machine.
        refuse_secrets({part: dict(written[part]) for part in written.sections()}, where=".dvc/config")
        return str(name)

    @property
    def url(self) -> str:
        """Where that remote is."""
        return str(self._repo.config["remote"][self.remote()]["url"])

    def up(self) -> list[Load]:
        """What the stages read and neither git nor they themselves bring.

        Raises:
            ConfigError: something was never made.
        """
        made = {str(out) for stage in self._stages for out in stage.outs}
        needed = {str(dep) for stage in self._stages for dep in stage.deps} - made
        found = [
            out
            for out in self._repo.index.outs
            if out.stage.addressing != CHECK_TARGET and _touches(str(out), needed)
        ]
        if absent := [str(out) for out in found if not out.hash_info]:
            raise ConfigError(
                f"{', '.join(sorted(absent))}: not made yet",
                reason="not-made",
                remedy=self._make_data,
            )
        return sorted((_load(out) for out in found), key=lambda one: one.path)

    def down(self) -> list[Load]:
        """What the stages make."""
        return [Load(path=str(out)) for stage in self._stages for out in stage.outs]

    def check_fresh(self) -> None:
        """See that what the data stages made is what dvc.lock and the settings say.

        Raises:
            ConfigError: they would run again, which the machine does not do.
        """
        self._do("reproduce", CHECK_TARGET, single_item=True)
        would = self._do("reproduce", f"{LAST_DATA_STAGE}@{self._persona}", dry=True, allow_missing=True)
        if stale := [stage.addressing for stage in would if stage.addressing != CHECK_TARGET]:
            raise ConfigError(
                f"{', '.join(stale)}: would run again, and the machine runs {', '.join(STAGES)} only",
                reason="stale-data",
                remedy=self._make_data,
            )

    @property
    def _make_data(self) -> str:
        return f"dvc repro {LAST_DATA_STAGE}@{self._persona}, then git add dvc.lock && git commit -m data"

    def push(self, loads: Sequence[Load]) -> None:
        """Bring what goes up to the DVC remote; what is there already is not sent.

        Raises:
            ConfigError: DVC could not.
        """
        paths = [one.path for one in loads]
        self._do("push", *paths)
        # DVC only warns of what lies neither here nor there; what is in the remote alone it calls deleted.
        odb = self._repo.cloud.get_remote(self.remote()).odb
        absent = [one.path for one in loads if one.md5 and not odb.exists(one.md5)]
        compared = self._do("status", *paths, cloud=True)
        if absent := absent + [name for name, state in compared.items() if state != "deleted"]:
            names = ", ".join(sorted(absent)[:SHOWN])
            raise ConfigError(
                f"{names}: not in the DVC remote, and not here to be pushed",
                reason="not-pushed",
                remedy="dvc pull, or dvc repro where it was made; then launch again",
            )

    def _do(self, what: str, *targets: str, **options: Any) -> Any:
        """What DVC would do by its command; what it prints goes to stderr."""
        from dvc.exceptions import DvcException  # pyright: ignore[reportMissingTypeStubs]

        try:
            with to_stderr():
                return getattr(self._repo, what)(targets=list(targets), **options)
        except DvcException as error:
            command = f"dvc {COMMANDS.get(what, what)} {' '.join(targets)}"
            raise ConfigError(
                f"{command}: {error}",
                reason="dvc",
                remedy=f"what it printed says why; `{command}` is the same by hand",
            ) from error


def refuse_own_folders(machines: Sequence[Machine], places: Mapping[str, str]) -> None:
    """Refuse to rent a machine that would bring its results into a folder of its own, and take them with it.

    Raises:
        ConfigError: names the place.
    """
    rented = [one.words for one in machines if not one.own]
    for what, place in places.items():
        if rented and urlsplit(place).scheme in ("", "file"):
            raise ConfigError(
                f"{what} is {place}, a folder that {rented[0]} cannot reach",
                reason="own-folder",
                remedy="name a bucket, s3://BUCKET/PREFIX (docs/s3.md); a cluster that shares its folders: -S cloud=slurm",
            )


def _touches(path: str, needed: set[str]) -> bool:
    return any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in needed)


def _load(out: Any) -> Load:
    files = 1 if out.meta.nfiles is None else int(out.meta.nfiles)
    return Load(path=str(out), bytes=out.meta.size, files=files, md5=str(out.hash_info.value))
