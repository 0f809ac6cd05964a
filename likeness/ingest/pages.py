"""Which page of a TIFF is the photograph: the first, unless that is a small copy of a later one."""

from PIL import Image

# Pages looked at: a file may hold a million.
MAX_PAGES = 100
NEW_SUBFILE_TYPE, REDUCED = 254, 1
LARGER, SAME_SHAPE = 1.5, 0.03


def open_photograph(image: Image.Image, notes: list[str]) -> None:
    """Go to the page that is the photograph, and note which of how many it is. Pillow reads a page's tags as it goes to it.

    Raises:
        Whatever a page that does not read makes Pillow raise.
    """
    width, height = image.size
    is_copy = _is_reduced(image)
    best, pixels, count = 0, 0 if is_copy else width * height * LARGER**2, 1
    while count <= MAX_PAGES:
        try:
            image.seek(count)
        except EOFError:
            break
        same = abs(image.width * height / (image.height * width) - 1) < SAME_SHAPE
        if same and not _is_reduced(image) and image.width * image.height > pixels:
            best, pixels = count, image.width * image.height
        count += 1
    image.seek(best)
    many = f"more than {MAX_PAGES}" if count > MAX_PAGES else count
    if best:
        notes.append(f"page {best + 1} of {many} taken: the first is a small copy of it")
    elif count > 1:
        notes.append(f"first of {many} frames taken")


def _is_reduced(image: Image.Image) -> bool:
    kind: object = getattr(image, "tag_v2", {}).get(NEW_SUBFILE_TYPE)
    return isinstance(kind, int) and bool(kind & REDUCED)
