"""What the gallery's API says, for its pages: `python -m tools.gallery_types` writes gallery/web/openapi.json and lib/openapi.ts.

The second is made of the first by openapi-typescript, which `npm ci` in gallery/web installs. tests/gallery/test_openapi.py and
`npm run check` compare both with what they are made of.
"""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from gallery.api.app import make_app
from gallery.settings import Settings

WEB = Path(__file__).parents[1] / "gallery" / "web"
SPEC = WEB / "openapi.json"


def spec() -> str:
    """The API's description; it depends on no setting and no database."""
    app = make_app(cast(Any, SimpleNamespace(settings=Settings(secret=cast(Any, "s" * 40)))))
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    SPEC.write_text(spec(), encoding="utf-8")
    subprocess.run(["npm", "run", "--silent", "types"], cwd=WEB, check=True)


if __name__ == "__main__":
    main()
