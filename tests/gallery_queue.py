"""The real queue of a gallery for tests."""

import asyncio
from typing import Any

from gallery_world import World

from gallery.generation.jobs import make_queue


def run_all(world: World) -> None:
    """Work until nothing is left that may be done now."""
    url = world.gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    app = make_queue(world.worker, url)

    async def work() -> None:
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False)

    asyncio.run(work())


def ask(browser: Any, version: str, count: int = 2, **more: Any) -> Any:
    answer = browser.post(
        "/generations", {"version_id": version, "prompt": "smiling", "count": count, **more}
    )
    assert answer.status_code == 202, answer.text
    return answer.json()
