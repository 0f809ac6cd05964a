"""How well the imperceptible mark and PDQ find a picture again: figures for docs/marks.md.

    python -m bench.marks measure FILE --pictures 200 --unmarked 1000   # appends a line a picture to FILE, behind those it has
    python -m bench.marks measure FILE --only "JPEG 75 + half size + crop 10 %"
    python -m bench.marks summary FILE

Pictures: crops of the demo's photographs of synthetic people and, where `make demo` ran, of its swaps and enhanced pictures
(else `--demo FOLDER`), in turn, 512 to 2048 px a side, by a seeded generator. Unmarked ones: the portraits of faces.zip where
it is given with --faces, else other crops of the same. PDQ compares them with the marked pictures and the photographs.
"""

import argparse
import io
import json
import statistics
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import count, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from likeness.errors import InputError
from likeness.images import RGB, decode_rgb, encode_jpeg, load_rgb
from likeness.marks.detect import FALSE_ALARMS, PDQ_CHANCE
from likeness.marks.pdq import NEAR, distance, fingerprints, pdq
from likeness.marks.pixels import LOOKS, chances, draw_mark, matching, read_values, write_mark

PHOTOGRAPHS = ("data/jade/raw/sources", "data/jade/raw/targets", "tests/photos/extras")
MADE = ("data/jade/swapped", "data/jade/enhanced")
SIDES_PX = (512, 768, 1024, 1536, 2048)
QUALITY = 95
MARKS_ASKED = 1000  # marks by lot, each asked of every unmarked picture


def shrink(rgb: RGB, factor: float) -> RGB:
    size = (round(rgb.shape[1] * factor), round(rgb.shape[0] * factor))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))


def crop(rgb: RGB, share: float, chance: np.random.Generator) -> RGB:
    """`share` of each side is cut off, at a random place."""
    height, width = rgb.shape[:2]
    down, across = round(height * (1 - share)), round(width * (1 - share))
    top, left = chance.integers(0, height - down + 1), chance.integers(0, width - across + 1)
    return rgb[top : top + down, left : left + across]


def image_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def jpeg(rgb: RGB, quality: int) -> RGB:
    """As most programs save: 4:2:0."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="JPEG", quality=quality)
    return decode_rgb(buffer.getvalue())


def blur(rgb: RGB, radius_px: float) -> RGB:
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius_px)))


def screenshot(rgb: RGB) -> RGB:
    """Shown at 3/4 of its size, a little darker, saved as JPEG 85."""
    return jpeg((shrink(rgb, 0.75) * 0.96).astype(np.uint8), 85)


Treatment = Callable[[RGB, np.random.Generator], RGB]
TREATMENTS: dict[str, Treatment] = {
    "none": lambda rgb, _: rgb,
    "JPEG 90": lambda rgb, _: jpeg(rgb, 90),
    "JPEG 75": lambda rgb, _: jpeg(rgb, 75),
    "JPEG 50": lambda rgb, _: jpeg(rgb, 50),
    "half size": lambda rgb, _: shrink(rgb, 0.5),
    "crop 10 %": lambda rgb, chance: crop(rgb, 0.1, chance),
    "crop 30 %": lambda rgb, chance: crop(rgb, 0.3, chance),
    "screenshot": lambda rgb, _: screenshot(rgb),
    "blur 1.5 px": lambda rgb, _: blur(rgb, 1.5),
    "JPEG 75 + half size + crop 10 %": lambda rgb, chance: crop(shrink(jpeg(rgb, 75), 0.5), 0.1, chance),
}


def photographs() -> list[Path]:
    """The demo's photographs, and the tests'."""
    return [path for folder in PHOTOGRAPHS for path in sorted(Path(folder).glob("*.[jp]*g"))]


def pictures(demo: Path, seed: int, first: int = 0) -> Iterator[RGB]:
    """Crops from the `first` on, each made from its number; enlarged where a size asks for more than they have, as enhance does."""
    made = [path for folder in MADE for path in sorted((demo / folder).glob("*.[jp]*g"))]
    paths = [path for path in made + photographs() if min(image_size(path)) >= SIDES_PX[0]]
    # One after another would show one size and one face at a time: a run that ends early has some of all.
    np.random.default_rng(seed).shuffle(paths)
    for number in count(first):
        chance = np.random.default_rng((seed, number))
        cut = crop(load_rgb(paths[number % len(paths)]), float(chance.uniform(0, 0.5)), chance)
        yield shrink(cut, SIDES_PX[number % len(SIDES_PX)] / min(cut.shape[:2]))


def psnr_db(a: RGB, b: RGB) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def look_for(mark: int, rgb: RGB) -> dict[str, float]:
    """As `detect` does: until the mark is found, else at all of the LOOKS; the last one counts."""
    used, seen = time.process_time(), dict[str, float]()
    for number, look in enumerate(LOOKS, start=1):
        values = read_values(rgb, *look)
        alarm = chances(values, [mark])[0] * len(LOOKS)
        seen = {"bits": matching(values, mark), "alarm": alarm, "looks": number}
        if alarm <= FALSE_ALARMS:
            break
    return {**seen, "cpu_s": time.process_time() - used}


def measure(
    out: Path,
    treatments: Mapping[str, Treatment],
    *,
    wanted: int,
    unmarked: int,
    seed: int,
    faces: Path | None,
    demo: Path,
) -> None:
    out.touch()
    with out.open("a", encoding="utf-8") as file:
        known: list[str] = []
        first = _lines_in(out, "marked")
        for number, rgb in zip(range(first, wanted), pictures(demo, seed, first), strict=False):
            mark, chance = draw_mark(), np.random.default_rng((seed + 1, number))
            line: dict[str, object] = {"kind": "marked", "side_px": min(rgb.shape[:2])}
            start, used = time.perf_counter(), time.process_time()
            try:
                marked = write_mark(rgb, mark)
            except InputError as error:
                line |= {"refused": error.reason}
            else:
                line |= {
                    "write_s": time.perf_counter() - start,
                    "write_cpu_s": time.process_time() - used,
                    "psnr_db": psnr_db(rgb, marked.rgb),
                    "strength": marked.strength,
                }
                file_rgb = decode_rgb(encode_jpeg(marked.rgb, QUALITY))
                prints = fingerprints(file_rgb)
                known += prints
                for name, treat in treatments.items():
                    seen = treat(file_rgb, chance)
                    line[name] = look_for(mark, seen) | {"pdq": distance(pdq(seen), prints)}
            file.write(json.dumps(line) + "\n")
            file.flush()
        others = _portraits(faces) if faces else pictures(demo, seed + 1000)
        if faces and unmarked:
            known += [one for photo in photographs() for one in fingerprints(load_rgb(photo))]
        for rgb in islice(others, _lines_in(out, "unmarked"), unmarked):
            marks = [draw_mark() for _ in range(MARKS_ASKED)]
            seen = [chances(read_values(rgb, *look), marks) for look in LOOKS]
            alarms = [min(one) * len(LOOKS) for one in zip(*seen, strict=True)]
            line = {
                "kind": "unmarked",
                "least": min(alarms),
                "found": sum(one <= FALSE_ALARMS for one in alarms),
                "pdq": distance(pdq(rgb), known) if faces else None,
            }
            file.write(json.dumps(line) + "\n")
            file.flush()


def _lines_in(out: Path, kind: str) -> int:
    return sum(json.loads(line)["kind"] == kind for line in out.read_text(encoding="utf-8").splitlines())


def _portraits(path: Path) -> Iterator[RGB]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".jpg"):
                yield decode_rgb(archive.read(name))


def summary(out: Path) -> None:
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    marked = [line for line in lines if line["kind"] == "marked" and "refused" not in line]
    refused = [line for line in lines if line["kind"] == "marked" and "refused" in line]
    unmarked = [line for line in lines if line["kind"] == "unmarked"]
    print(f"{len(marked)} marked, {len(refused)} not markable, {len(unmarked)} unmarked")
    by: dict[str, list[dict[str, float]]] = defaultdict(list)
    for line in marked:
        for name in TREATMENTS.keys() & line.keys():
            by[name].append(line[name])
    if marked:
        print(f"{'treatment':34}   of  mean  min  alone  found pdq<=64 looks cpu_s")
    for name, rows in sorted(by.items(), key=lambda one: list(TREATMENTS).index(one[0])):
        bits, near = [row["bits"] for row in rows], [row["pdq"] <= NEAR for row in rows]
        alone = statistics.mean(row["alarm"] <= FALSE_ALARMS for row in rows)
        found = statistics.mean(
            row["alarm"] * (PDQ_CHANCE if n else 1) <= FALSE_ALARMS for row, n in zip(rows, near, strict=True)
        )
        looks, cpu_s = (statistics.mean(row[key] for row in rows) for key in ("looks", "cpu_s"))
        print(
            f"{name:34} {len(rows):4} {statistics.mean(bits):5.1f} {min(bits):4} {alone:6.1%} {found:6.1%} "
            f"{statistics.mean(near):7.1%} {looks:5.2f} {cpu_s:5.2f}"
        )
    for name in ("psnr_db", "strength", "write_s", "write_cpu_s") if marked else ():
        values = [line[name] for line in marked]
        print(f"{name}: mean {statistics.mean(values):.2f}, min {min(values):.2f}, max {max(values):.2f}")
    if unmarked:
        pdqs = [line["pdq"] for line in unmarked if line["pdq"] is not None]
        print(
            f"unmarked: {sum(line['found'] for line in unmarked)} false alarms of {len(unmarked) * MARKS_ASKED} questions, "
            f"the least chance {min(line['least'] for line in unmarked):.0e}; "
            f"PDQ to the nearest of the marked: {len(pdqs)} tried, min {min(pdqs, default=None)}, "
            f"<=64: {sum(p <= 64 for p in pdqs)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("measure", "summary"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--unmarked", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--only", action="append", choices=TREATMENTS, help="may be given more than once")
    parser.add_argument("--demo", type=Path, default=Path("."), help="the folder in which `make demo` ran")
    given = parser.parse_args()
    if given.what == "summary":
        summary(given.file)
    else:
        treatments = {name: TREATMENTS[name] for name in given.only or TREATMENTS}
        measure(
            given.file,
            treatments,
            wanted=given.pictures,
            unmarked=given.unmarked,
            seed=given.seed,
            faces=given.faces,
            demo=given.demo,
        )


if __name__ == "__main__":
    main()
