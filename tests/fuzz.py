"""Damaged and odd bytes for every reader of strangers' files: `python tests/fuzz.py READER --inputs 100` or `--seconds 60`.

Seeded: the same mutations every time. A reader answers or refuses; what else it raises ends the program. RLIMIT_AS bounds memory,
a timer of processor time each input.
"""

import argparse
import json
import random
import resource
import signal
import sys
import time

from fuzz_readers import READERS, encoded

from likeness.errors import LikenessError

MEMORY_BYTES = 8 * 2**30
SECONDS_AN_INPUT = 20
DEEP = (b"[" * 50_000, b"{" * 50_000, b"- " * 50_000, b"a: " * 50_000, b'{"a":' * 50_000, b"\xff" * 1000, b"",
        b"\x00" * 1000)  # fmt: skip
SCRAPS = (b"{", b"[", b": ", b"&a ", b"*a", b"\n", b"999999999999", b"-1", b"null", b"\\ud800", b'"F8_E8M0"', b"\x1b[2J",
          b"NaN")  # fmt: skip
ODD = (None, True, -1, 1e308, 10**30, "", "\x00", "\u202e", "../x", "/dev/zero", [], {}, [[]], {"a": None}, "x" * 5000,
       float("nan"), "F8_E8M0")  # fmt: skip


def cut_and_pasted(rng: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(max(1, len(data)))
        end, put = rng.choice(
            (
                (at + 1, bytes([rng.randrange(256)])),
                (at + rng.randint(1, 40), b""),
                (at, bytes(data[: rng.randint(1, 200)])),
                (at, rng.choice(SCRAPS)),
            )
        )
        data[at:end] = put
    return bytes(data)


def with_odd_values(rng: random.Random, value: object) -> object:
    """JSON with one value of another kind, a key taken out, or one put in."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.2:
        return rng.choice(ODD)
    copy, what = value.copy(), rng.randrange(8)
    key = rng.choice(sorted(value) if isinstance(value, dict) else range(len(value)))
    if what == 0:
        del copy[key]
    elif what == 1 and isinstance(copy, dict):
        copy[rng.choice(("key", "__metadata__", "../x", "a" * 600))] = rng.choice(ODD)
    else:
        copy[key] = with_odd_values(rng, value[key])
    return copy


def mutations(rng: random.Random, seed: bytes):
    try:
        parsed = json.loads(seed)
    except ValueError:
        parsed = None
    yield from DEEP
    while True:
        if parsed is not None and rng.random() < 0.6:
            yield encoded(with_odd_values(rng, parsed))
        else:
            yield cut_and_pasted(rng, seed)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--inputs", type=int, default=sys.maxsize)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=2026)
    asked = parser.parse_args()
    read, seed, pack = READERS[asked.reader]()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(
        signal.SIGVTALRM, lambda *_: sys.exit(f"input {done} took {SECONDS_AN_INPUT} s of a processor")
    )
    started, slowest, done, refused = time.process_time(), 0.0, 0, 0
    for done, inner in enumerate(mutations(random.Random(asked.seed), seed)):
        if done >= asked.inputs or time.process_time() - started > asked.seconds:
            break
        before = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_AN_INPUT)
        try:
            read(pack(inner))
        except LikenessError:
            refused += 1
        except Exception:
            print(f"input {done} of {asked.reader}: {inner[:400]!r}", file=sys.stderr)
            raise
        slowest = max(slowest, time.process_time() - before)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"ok {asked.reader}: {done} inputs, {refused} refused, {time.process_time() - started:.0f} s of a processor, "
          f"slowest {slowest:.2f} s, at most {peak} MB")  # fmt: skip


if __name__ == "__main__":
    main()
