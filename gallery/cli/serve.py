"""The API with a worker beside it, and the worker alone."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.parse import urlsplit

import typer
from sqlalchemy import func, select

from gallery.accounts.sign_up import add_user
from gallery.context import Gallery
from gallery.generation.drawing import Drawer
from gallery.generation.finish import LikenessFinisher
from gallery.generation.jobs import run_worker
from gallery.generation.work import Worker
from gallery.opening import open_gallery
from gallery.people.granting import grant
from gallery.people.layout import take_in
from gallery.settings import Settings
from gallery.tables import User, Version
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.paths import PARAMS, RepositoryPaths

WEB = Path(__file__).parents[1] / "web"
API = "GALLERY_API"
FIRST = "owner@example.org"
FIRST_PER_DAY = 200
STOP_SECONDS = 10
AGAIN_SECONDS = 1.0


def serve_command(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8700,
    host: Annotated[
        str, typer.Option(help="Behind a proxy that ends TLS, still this machine alone.")
    ] = "127.0.0.1",
    worker: Annotated[bool, typer.Option(help="Draw here, too.")] = True,
    pages: Annotated[bool, typer.Option(help="Serve the pages of gallery/web, too.")] = False,
) -> None:
    """Run the gallery.

    The API, and beside it a worker and the pages. A gallery on this machine that has no user yet gets an owner, whose password is
    printed once.

    \b
    Examples:
      likeness-gallery serve
      likeness-gallery serve --no-worker --port 8701
      GALLERY_PUBLIC_URL=http://127.0.0.1:3000 likeness-gallery serve --pages
    """
    import uvicorn

    from gallery.api.app import make_app
    from gallery.api.wire import SERVING

    settings = Settings()
    site = _site(settings, host, port) if pages else None
    gallery = open_gallery(settings)
    for why in take_in(gallery)[1]:
        sys.stderr.write(f"gallery: {why}\n")
    first_owner(gallery)
    signal.signal(signal.SIGTERM, _exit)  # uvicorn raises its signal again when it has ended
    command = [sys.executable, "-m", "gallery", "worker", "--until-eof"]
    beside = [Beside(lambda: subprocess.Popen(command, stdin=subprocess.PIPE))] if worker else []
    if site is not None:
        environment = {**os.environ, API: f"http://{host}:{port}"}
        beside.append(Beside(lambda: subprocess.Popen(site, cwd=WEB, env=environment)))
    proxies = settings.trusted_proxies
    try:
        uvicorn.run(
            make_app(gallery),
            host=host,
            port=port,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies,
            **SERVING,
        )
    finally:
        for one in beside:
            one.end()


class Beside:
    """A program beside the API, started again whenever it ends by itself."""

    def __init__(self, start: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        self._start, self._told = start, threading.Event()
        self._program = start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        while True:
            self._program.wait()
            if self._told.wait(AGAIN_SECONDS):
                return
            self._program = self._start()

    def end(self) -> None:
        """End it; one that is at a picture for too long is killed, and its job is taken up again."""
        self._told.set()
        self._program.terminate()
        self._keeper.join(STOP_SECONDS)
        if self._keeper.is_alive():
            self._program.kill()
            self._keeper.join()


def _site(settings: Settings, host: str, port: int) -> list[str]:
    """The command that serves the pages, at the address that GALLERY_PUBLIC_URL names."""
    address = urlsplit(settings.public_url)
    if not settings.is_local or address.port in (None, port):
        raise ConfigError(
            f"GALLERY_PUBLIC_URL {settings.public_url!r} names no port of this machine beside the API's {host}:{port}",
            reason="pages-address",
            remedy="GALLERY_PUBLIC_URL=http://127.0.0.1:3000, or serve the pages by hand (gallery/web/README.md)",
        )
    if not (WEB / ".next" / "BUILD_ID").is_file():
        raise ConfigError(
            f"the pages are not built: {WEB / '.next'} is not there",
            reason="no-pages",
            remedy="cd gallery/web && npm ci && npm run build, or `make gallery`",
        )
    return ["node", str(WEB / "server.mjs"), "-H", str(address.hostname), "-p", str(address.port)]


def _exit(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # no lock of Python's is held: the interpreter may end meanwhile
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def first_owner(gallery: Gallery) -> None:
    """Where nobody but this machine can come and nobody has an account: an owner who may draw everybody."""
    with gallery.transaction() as db:
        if not gallery.settings.is_local or db.scalar(select(func.count()).select_from(User)):
            return
        password = secrets.token_urlsafe(12)
        user = add_user(db, gallery, FIRST, "Owner", gallery.passwords.hash(password, email=FIRST), "owner")
        versions = list(db.scalars(select(Version.id)))
    for version in versions:
        grant(gallery, "operator", user.id, version, per_day=FIRST_PER_DAY)
    sys.stderr.write(f"gallery: {gallery.settings.public_url}, sign in as {FIRST} with {password}\n")


def worker_command(
    comfyui: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Draw there instead; may be given again.")
    ] = None,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
) -> None:
    """Draw what waits in the queue.

    \b
    Examples:
      likeness-gallery worker
      likeness-gallery worker --comfyui http://127.0.0.1:8188
    """
    if until_eof:  # also when whoever started it is gone, however that ended
        threading.Thread(target=_end_with_parent, daemon=True).start()
    settings = Settings()
    gallery, config = open_gallery(settings), load_config(settings.repository / PARAMS)
    repository = RepositoryPaths(settings.repository.absolute())
    drawer: Drawer
    ready: Callable[[], object] | None = None
    if comfyui:
        from gallery.generation.comfyui import ComfyDrawer, Pool

        drawer = ComfyDrawer(
            config=config, pool=Pool(servers=tuple(comfyui), drained=settings.folder / "comfyui-drained")
        )
    else:
        from gallery.generation.diffusers import DiffusersDrawer

        drawer = DiffusersDrawer(config=config, memo=repository.digests)
        with gallery.transaction() as db:
            if db.scalar(select(Version.id).limit(1)) is not None:  # somebody can be drawn
                ready = drawer.open_base
    finisher = LikenessFinisher(
        config=config, folder=settings.folder / "marks", keys=repository.keys, least=settings.least_likeness
    )
    url = gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    asyncio.run(run_worker(Worker(gallery=gallery, drawer=drawer, finisher=finisher), url, ready=ready))
