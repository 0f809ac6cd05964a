"""Files of plain values that editors saved in another way than YAML takes."""

from pathlib import Path

import pytest

from likeness.errors import ConfigError
from likeness.safety.by_hand import read_refused
from likeness.strict_yaml import read_yaml

GOOD = "sources:\n  a.jpg:\n    number: 1\n"


@pytest.mark.parametrize(
    "data", [GOOD.encode("utf-8-sig"), GOOD.replace("\n", "\r\n").encode()], ids=["a mark", "Windows"]
)
def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(data)
    assert read_yaml(tmp_path / "a.yaml", remedy="") == {"sources": {"a.jpg": {"number": 1}}}


@pytest.mark.parametrize(
    ("data", "words", "remedy"),
    [
        (GOOD.encode("utf-16"), "is not UTF-8: byte 0 is 0xff", "save it as UTF-8 in your editor"),
        (GOOD.replace("a.jpg", "\xe9").encode("latin-1"), "is not UTF-8: byte 11 is 0xe9", "save it as UTF-8 in your editor"),
        (GOOD.replace("    ", "\t").encode(), "line 3: it begins with a tab; YAML takes spaces", "mend it"),
        (GOOD.replace("    ", "  \t").encode(), "line 3: it begins with a tab; YAML takes spaces", "mend it"),
        (b"a: 1\n? [b, c]\n: 2\n", "line 2: a key is a list or a mapping; only words are keys", "mend it"),
        (b"a: 1\nb: 2\na: 3\n", "line 3: a stands twice", "mend it"),
        (b"a: 1\nb:\n  1: x\n  0x1: y\n", "line 4: two keys are one value", "mend it"),
        (b"a: 1\n---\nb: 1\n", "line 2: a second document; one is read", "mend it"),
        (b"a: 1\nb: 2026-11-31\n", "line 2: 2026-11-31: day is out of range for month", "mend it"),
    ],
)  # fmt: skip
def test_what_an_editor_saved_otherwise_is_told_in_plain_words(
    tmp_path: Path, data: bytes, words: str, remedy: str
) -> None:
    (tmp_path / "a.yaml").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_yaml(tmp_path / "a.yaml", remedy="mend it")
    assert words in caught.value.message
    assert caught.value.remedy == remedy
    assert "codec" not in str(caught.value)


def test_a_list_that_is_a_link_to_nothing_is_no_empty_list(tmp_path: Path) -> None:
    """What a person refused would be accepted, and the next refusal would begin a new list."""
    assert read_refused(tmp_path / "refused.yaml") == {}
    (tmp_path / "refused.yaml").symlink_to(tmp_path / "disk/refused.yaml")
    with pytest.raises(
        ConfigError, match=r"refused\.yaml is a link to .*/disk/refused\.yaml, where nothing is"
    ):
        read_refused(tmp_path / "refused.yaml")
