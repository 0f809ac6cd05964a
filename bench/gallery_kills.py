"""A gallery that is killed while it works: `python -m bench.gallery_kills [KILLS] [USERS] [SEED]`.

USERS (20) ask for pictures of jade, one wish after the other, while API, worker, database, ComfyUI and S3 are killed with -9 in
turn, KILLS (20) times or for 130 seconds, and come again. Then everything comes to rest and is counted: wishes and the longest
time in which one of them neither ended nor moved on, credits that do not add up, pictures without their marks, files without a
picture.
"""

import io
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from bench.gallery_site import GIVEN_CENTS, Site, wait_for
from gallery.audit import first_broken
from gallery.money.ledger import balance, user_account
from gallery.pictures.sweeping import sweep
from gallery.tables import ENDED, Entry, Generation, Picture, User
from likeness.digests import sha256_bytes
from likeness.images import PNG
from likeness.marks import claims, xmp

WORKER = ("-m", "gallery", "worker", "--comfyui", "COMFYUI")
KILLING_SECONDS, REST_SECONDS = 130, 110
POLL_SECONDS = 1.0
GONE = (httpx.TransportError,)


@dataclass
class Seen:
    """What the users saw; `longest_s` is the longest time in which a wish showed no change, `longest_answered_s` the same
    without the time in which the API did not answer."""

    asked: int = 0
    statuses: Counter[str] = field(default_factory=Counter[str])
    longest_s: float = 0.0
    longest_answered_s: float = 0.0
    errors: Counter[str] = field(default_factory=Counter[str])
    lock: threading.Lock = field(default_factory=threading.Lock)


def one_user(
    browser: httpx.Client, version: str, over: threading.Event, seen: Seen, luck: random.Random
) -> None:
    """Ask, watch until it ends, ask again."""
    while not over.is_set():
        wish = {"version_id": version, "prompt": "smiling", "count": luck.randint(1, 2)}
        answer = call(seen, partial(browser.post, "/generations", json=wish))
        if answer is None or answer.status_code != 202:
            time.sleep(POLL_SECONDS)
            continue
        with seen.lock:
            seen.asked += 1
        watch(browser, answer.json()["id"], seen)


def call(seen: Seen, what: Any) -> httpx.Response | None:
    """An answer, None where there was none."""
    try:
        answer = what()
    except GONE as error:
        seen.errors[type(error).__name__] += 1
        return None
    if answer.status_code >= 400:
        seen.errors[str(answer.status_code)] += 1
    return answer


def watch(browser: httpx.Client, generation: str, seen: Seen) -> None:
    """Look at a wish until it has ended; note the longest time without a change."""
    last, moved, until = "", time.monotonic(), time.monotonic() + 600
    looked, blind = moved, 0.0
    while time.monotonic() < until:
        answer = call(seen, lambda: browser.get(f"/generations/{generation}"))
        if answer is not None and answer.status_code == 200:
            shown = answer.json()
            now = json.dumps([shown[name] for name in ("status", "place", "done")])
            with seen.lock:
                seen.longest_s = max(seen.longest_s, time.monotonic() - moved)
                seen.longest_answered_s = max(seen.longest_answered_s, time.monotonic() - moved - blind)
            if now != last:
                last, moved, blind = now, time.monotonic(), 0.0
            if shown["status"] in ENDED:
                seen.statuses[shown["status"]] += 1
                return
        else:
            blind += time.monotonic() - looked
        looked = time.monotonic()
        time.sleep(POLL_SECONDS)
    seen.statuses["never ended"] += 1


def counted(site: Site) -> dict[str, Any]:
    """What is there once everything is at rest; every figure but the first three should be 0, and `not_ended`, too, where the
    time was long enough."""
    gallery, swept = site.gallery, sweep(site.gallery)
    with gallery.transaction() as db:
        generations, pictures = db.scalars(select(Generation)).all(), db.scalars(select(Picture)).all()
        drawn = Counter(one.generation_id for one in pictures)
        paid = dict(db.execute(select(Entry.key, Entry.cents).where(Entry.account.like("user:%"))).all())
        booked: Counter[str] = Counter()
        for key, cents in paid.items():
            what, _, rest = key.partition(":")
            if what in ("take", "back"):
                booked[rest.partition(":")[0]] += cents
        ended = [one for one in generations if one.status in ENDED]
        wrong = [one for one in ended if one.charged != drawn[one.id]]
        wrong += [one for one in generations if booked[str(one.id)] != -one.price_cents * one.charged]
        spent: Counter[Any] = Counter()
        for one in generations:
            spent[one.user_id] += one.price_cents * one.charged
        members = db.scalars(select(User.id).where(User.role == "member"))
        users = [one for one in members if balance(db, user_account(one)) != GIVEN_CENTS - spent[one]]
        under_way = {str(one.id) for one in generations} - {str(one.id) for one in ended}
        there = {name for name in gallery.store.names("") if name.partition("/")[0] not in under_way}
        named = {
            name
            for one in pictures
            if str(one.generation_id) not in under_way
            for name in (one.file, one.thumbnail)
        }
        return {
            "wishes": len(generations),
            "pictures": len(pictures),
            "files_left_by_kills_and_swept": swept.deleted,
            "not_ended": len(generations) - len(ended),
            "wishes_whose_credits_are_wrong": len(wrong),
            "users_whose_credits_are_wrong": len(users),
            "ledger_sum": int(db.scalar(select(func.sum(Entry.cents))) or 0),
            "pictures_without_marks": sum(not is_marked(site, one) for one in pictures),
            "orphans": len(named ^ there),
            "lost": len(swept.lost),
            "audit_broken": int(first_broken(db) is not None),
        }


def is_marked(site: Site, picture: Picture) -> bool:
    """Whether the file is the one that was stored, says in C2PA which picture it is, and its thumbnail that it was generated."""
    png, small = site.gallery.store.read(picture.file), site.gallery.store.read(picture.thumbnail)
    if png is None or small is None or sha256_bytes(png) != picture.sha256:
        return False
    found = claims.read(png, PNG)
    named = found is not None and found.valid and found.publication["picture"] == str(picture.id)
    return named and xmp.find_code(small) == xmp.SourceType.TRAINED


def main(kills: int, users: int, seed: int) -> None:
    luck, seen, over, killed = random.Random(seed), Seen(), threading.Event(), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder), WORKER, s3=True) as site:
        turn = {
            "api": (site.api.kill, site.start_api),
            "worker": (site.worker.kill, site.worker.start),
            "database": (site.kill_database, site.start_database),
            "comfyui": (site.kill_comfy, site.start_comfy),
            "s3": (site.s3.kill, site.s3.start),
        }
        people = [
            threading.Thread(
                target=one_user,
                args=(
                    site.user(f"user{number}"),
                    str(site.version.id),
                    over,
                    seen,
                    random.Random(seed + number),
                ),
                daemon=True,
            )
            for number in range(users)
        ]
        for one in people:
            one.start()
        begun, coming = time.monotonic(), dict[str, threading.Thread]()
        for number in range(kills):
            if time.monotonic() - begun > KILLING_SECONDS:
                break
            name = list(turn)[number % len(turn)]
            time.sleep(luck.uniform(1, 5))
            if name in coming:
                coming[name].join()
            kill, start = turn[name]
            kill()
            coming[name] = threading.Timer(luck.uniform(0, 2), start)
            coming[name].start()
            killed[name] += 1
        for one in coming.values():
            one.join()
        wait_for(site.answers)
        over.set()
        until = time.monotonic() + REST_SECONDS
        for one in people:
            one.join(max(0.0, until - time.monotonic()))
        site.worker.kill()  # what is not at rest by now stands still
        told = io.StringIO()
        json.dump(
            {
                "kills": killed,
                "users": users,
                "seconds": round(time.monotonic() - begun),
                "load": os.getloadavg()[0],
                "asked": seen.asked,
                "ended_as": seen.statuses,
                "longest_without_a_change_s": round(seen.longest_s, 1),
                "longest_while_the_api_answered_s": round(seen.longest_answered_s, 1),
                "answers_that_failed": seen.errors,
                **counted(site),
            },
            told,
        )
        sys.stdout.write(told.getvalue() + "\n")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    main(*[*given, *(20, 20, 1)[len(given) :]])
