"""The real gallery for a browser's test: `python -m gallery serve` with its embedded PostgreSQL, and a worker whose pictures are
jade's own photographs, judged and marked as any.

`python tests/gallery_site.py FOLDER API_PORT PAGES_PORT`; it ends with its standard input. The file FOLDER/allowed holds how
many pictures may be drawn in all: a test decides when a run stands in the middle.
"""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SIDE_PX = 512
LOOK_S = 0.05


def lay_out(folder: Path) -> Path:
    """A repository of its own with jade's record, and a version of hers in the gallery's folder."""
    from likeness.digests import sha256_file
    from likeness.lora.safetensors_io import weights_bytes
    from likeness.lora.said import CONSENT_ID
    from likeness.safety.consent import load_consent

    root, versions = folder / "repository", folder / "gallery" / "versions"
    for name in ("conf", "consent", "hydra_plugins"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copyfile(ROOT / "params.yaml", root / "params.yaml")
    versions.mkdir(parents=True)
    record = load_consent(root / "consent", "jade")
    weights = weights_bytes({}, {CONSENT_ID: record.id})  # no tensors: the drawer of the tests reads none
    digest = hashlib.sha256(weights).hexdigest()
    (versions / f"{digest}.safetensors").write_bytes(weights)
    says = {"persona": "jade", "name": "jade-v1", "consent_id": record.id, "weights_sha256": digest, "trigger": "jade",
            "consent_sha256": sha256_file(root / "consent" / "jade.yaml"), "class_word": "woman"}  # fmt: skip
    (versions / f"jade-{digest}.json").write_text(json.dumps(says))
    return root


@dataclass
class PhotographDrawer:
    """Draws jade's photographs in turn, once the test allows it."""

    allowed: Path
    drawn: int = 0
    photographs: list[Path] = field(
        default_factory=lambda: sorted((ROOT / "data/jade/raw/sources").glob("jade_0[1-5].jpg"))
    )

    def draw(self, shot: object) -> object:
        import numpy as np
        from PIL import Image, ImageOps

        while int(self.allowed.read_text() or 0) <= self.drawn:
            time.sleep(LOOK_S)
        with Image.open(self.photographs[self.drawn % len(self.photographs)]) as image:
            upright = ImageOps.fit(image.convert("RGB"), (SIDE_PX, SIDE_PX), centering=(0.5, 0.2))
        self.drawn += 1
        return np.asarray(upright, np.uint8)

    def enlarge(self, rgb: object) -> object:
        return rgb


def work(folder: Path) -> None:
    """The worker, in this process."""
    from gallery.cli.serve import run_worker
    from gallery.generation.finish import LikenessFinisher
    from gallery.generation.work import Worker
    from gallery.opening import open_gallery
    from gallery.settings import Settings
    from likeness.config import load_config

    settings = Settings()
    gallery, config = open_gallery(settings), load_config(settings.repository / "params.yaml")
    finisher = LikenessFinisher(
        config=config, folder=settings.folder / "marks", keys=folder / "keys", least=settings.least_likeness
    )
    drawer = PhotographDrawer(allowed=folder / "allowed")
    url = gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    asyncio.run(run_worker(Worker(gallery=gallery, drawer=drawer, finisher=finisher), url))  # type: ignore[arg-type]


def main() -> None:
    folder, api, pages = Path(sys.argv[1]).resolve(), int(sys.argv[2]), int(sys.argv[3])
    (folder / "allowed").write_text("0")
    # Revocations count for a user in every clone: these are nobody's.
    os.environ |= {"LIKENESS_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    os.environ.pop("DVC_ROOT", None)
    root = lay_out(folder)
    os.environ |= {
        "GALLERY_FOLDER": str(folder / "gallery"), "GALLERY_REPOSITORY": str(root), "GALLERY_PUBLIC_URL": f"http://localhost:{pages}",
        "GALLERY_ARGON2_MEMORY_KIB": "8", "GALLERY_ARGON2_PASSES": "1", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    os.chdir(root)
    served = subprocess.Popen(
        [sys.executable, "-m", "gallery", "serve", "--no-worker", "--port", str(api)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert served.stderr is not None
    for line in served.stderr:
        sys.stderr.write(line)
        if "sign in as" in line:
            _, _, rest = line.partition("sign in as ")
            email, _, password = rest.strip().partition(" with ")
            sys.stdout.write(json.dumps({"email": email, "password": password}) + "\n")
            sys.stdout.flush()
            break
    else:
        raise SystemExit("the gallery did not start")

    def until_eof() -> None:
        os.read(sys.stdin.fileno(), 1)
        served.terminate()
        served.wait(20)
        os._exit(0)

    threading.Thread(target=until_eof, daemon=True).start()
    threading.Thread(target=lambda: sys.stderr.writelines(served.stderr or ()), daemon=True).start()
    work(folder)


if __name__ == "__main__":
    main()
