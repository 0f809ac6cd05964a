"""`make fakes`: the fake servers and an S3 server by hand, until Ctrl-C."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import yaml

from fakes.app import serve
from fakes.faults import mixture
from fakes.s3 import S3Server
from fakes.settings import SERVICES, Settings

PORT = 8765
BUCKET = "likeness"


def _by_hand(s3: S3Server, url: str) -> None:
    """Say where they are and what to export, so that likeness finds them."""
    variables = {**dict.fromkeys(SERVICES.values(), "fake-key"), **s3.environment()}
    keys = "\n".join(f"  export {variable}={value}" for variable, value in variables.items())
    print(
        f"MaxStudio {url}/maxstudio\nxAI       {url}/xai/v1\nOpenAI    {url}/openai/v1\n"
        f"ComfyUI   {url}/comfyui\nRunPod    {url}/runpod/v2\ncontrol   {url}/control/state\n"
        f"S3        {s3.url} (bucket {BUCKET})\n\n"
        f"In another terminal:\n{keys}\n"
        "  likeness params +experiment=fakes && likeness plan && dvc repro\n",
        flush=True,
    )


def main() -> None:
    """Read what to start, and serve."""
    parser = argparse.ArgumentParser(
        description="MaxStudio, xAI, an OpenAI-compatible server and ComfyUI on loopback."
    )
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="SETTING=VALUE", help="see settings.py: swap=echo swap_s=2.5"
    )
    parser.add_argument(
        "--faults", type=float, default=0.0, metavar="SHARE", help="this share of faults, of every kind"
    )
    parser.add_argument(
        "--keys", action="store_true", help="take only the keys that are in the environment now"
    )
    parser.add_argument(
        "--lifeline", action="store_true", help="for tests: settings come in by standard input"
    )
    asked = parser.parse_args()
    settings = Settings()
    if asked.lifeline:
        start = json.loads(sys.stdin.readline())
        settings.update(start["settings"])
        asyncio.run(
            serve(settings, start["faults"], start["port"], lambda url: print(url, flush=True), lifeline=True)
        )
        return
    settings.update(
        {name: yaml.safe_load(value) for name, _, value in (entry.partition("=") for entry in asked.set)}
    )
    if asked.keys:
        settings.update({"keys": {name: os.environ[variable] for name, variable in SERVICES.items()}})
    with tempfile.TemporaryDirectory(prefix="likeness-fakes-") as folder, S3Server(Path(folder)) as s3:
        (Path(folder) / BUCKET).mkdir()
        faults = mixture(asked.faults) if asked.faults else {}
        asyncio.run(serve(settings, faults, asked.port, partial(_by_hand, s3)))


if __name__ == "__main__":
    main()
