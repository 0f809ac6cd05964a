"""`PYTHONPATH=tests python -m standins`: the stand-ins by hand, until Ctrl-C."""

import argparse
import asyncio
import json
import os
import sys

import yaml

from standins.app import serve
from standins.faults import mixture
from standins.settings import SERVICES, Settings

PORT = 8765


def _by_hand(url: str) -> None:
    keys = "\n".join(f"  export {variable}=standin" for variable in SERVICES.values())
    print(
        f"MaxStudio {url}/maxstudio\nxAI       {url}/xai/v1\nOpenAI    {url}/openai/v1\ncontrol   {url}/control/state\n\n"
        f"In another terminal:\n{keys}\n"
        "  python -m stages.params +experiment=standins && dvc repro\n",
        flush=True,
    )


def main() -> None:
    """Read what to start, and serve."""
    parser = argparse.ArgumentParser(
        description="MaxStudio, xAI and an OpenAI-compatible server on loopback."
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
    asyncio.run(serve(settings, mixture(asked.faults) if asked.faults else {}, asked.port, _by_hand))


if __name__ == "__main__":
    main()
