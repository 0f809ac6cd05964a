"""All fake servers in one application, and the control endpoints that tests steer them by."""

import asyncio
import hashlib
import json
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from aiohttp import web

from fakes.batches import Batches
from fakes.books import Books
from fakes.comfyui import ComfyUI
from fakes.faults import Faults, Spec
from fakes.maxstudio import MaxStudio
from fakes.middleware import middleware
from fakes.openai import OpenAI
from fakes.runpod import RunPod
from fakes.settings import Settings
from fakes.stripe import Stripe
from fakes.studio import Studio
from fakes.xai import XAI

MAX_REQUEST_BYTES = 256 * 2**20
SHUTDOWN_S = 0.2


def application(settings: Settings, faults: Faults, studio: Studio) -> web.Application:
    """The services and their control."""
    books = Books()
    app = web.Application(middlewares=[middleware(books, faults)], client_max_size=MAX_REQUEST_BYTES)
    app.add_routes(MaxStudio(settings, books, studio).routes())
    app.add_routes(XAI(settings, books).routes())
    app.add_routes(Batches(settings, books).routes())
    app.add_routes(OpenAI(settings, books).routes())
    app.add_routes(ComfyUI(settings, books).routes())
    app.add_routes(RunPod(settings).routes())
    app.add_routes(Stripe().routes())
    app.add_routes(_echo(books))
    app.add_routes(_control(settings, books, faults))

    async def close(_: web.Application) -> None:
        await studio.close()

    app.on_cleanup.append(close)
    return app


def _echo(books: Books) -> list[web.RouteDef]:
    """A service without a vendor, for measurements: a POST is booked and comes back as it went."""

    async def echo(request: web.Request) -> web.Response:
        body = await request.read()
        if request.method == "POST":
            request["booking"] = books.buy("echo", hashlib.sha256(body).hexdigest(), key_ok=True)
        return web.Response(body=body or b"{}", content_type="application/json")

    return [web.get("/echo", echo, name="echo"), web.post("/echo", echo, name="echo.post")]


def _control(settings: Settings, books: Books, faults: Faults) -> list[web.RouteDef]:
    async def state(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "counts": books.counts,
                "most_in_flight": books.most_in_flight,
                "faults": faults.spec,
                "faults_applied": faults.applied,
                "settings": {name: value for name, value in asdict(settings).items() if name != "keys"},
            }
        )

    async def purchases(_: web.Request) -> web.Response:
        return web.json_response([asdict(booking) for booking in await books.settled()])

    async def log(_: web.Request) -> web.Response:
        return web.json_response(books.log())

    async def set_faults(request: web.Request) -> web.Response:
        return (
            _changed(lambda: faults.set(json.loads(body), settings.seed))
            if (body := await request.read())
            else _none()
        )

    async def set_settings(request: web.Request) -> web.Response:
        return (
            _changed(lambda: settings.update(json.loads(body))) if (body := await request.read()) else _none()
        )

    async def reset(_: web.Request) -> web.Response:
        books.clear()
        faults.applied.clear()
        return web.json_response({"ok": True})

    return [
        web.get("/control/state", state, name="control.state"),
        web.get("/control/purchases", purchases, name="control.purchases"),
        web.get("/control/log", log, name="control.log"),
        web.post("/control/faults", set_faults, name="control.faults"),
        web.post("/control/settings", set_settings, name="control.settings"),
        web.post("/control/reset", reset, name="control.reset"),
    ]


def _none() -> web.Response:
    return web.json_response({"error": "a JSON object is expected"}, status=400)


def _changed(change: Callable[[], None]) -> web.Response:
    try:
        change()
    except (ValueError, AttributeError, TypeError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response({"ok": True})


async def serve(
    settings: Settings, spec: Spec, port: int, ready: Callable[[str], None], *, lifeline: bool = False
) -> None:
    """Serve on loopback until SIGTERM, SIGINT or, with a lifeline, the end of standard input."""
    with tempfile.TemporaryDirectory(prefix="fakes-") as folder:
        faults = Faults(spec, settings.seed)
        app = application(settings, faults, Studio(settings, Path(folder)))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if lifeline:
            loop.add_reader(sys.stdin.fileno(), stop.set)
        ready(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await stop.wait()
        await runner.cleanup()
