"""What a stage's last line says of its count."""

import pytest

from likeness.progress import Progress


def test_a_stage_without_items_has_nothing_to_do(capsys):
    with Progress("swap", total=0):
        pass
    assert "swap: 0/0 in" in (said := capsys.readouterr().err)
    assert "(nothing to do)" in said


def test_a_stage_that_ends_before_its_first_item_does_not_say_that_there_was_nothing_to_do(capsys):
    with pytest.raises(KeyboardInterrupt), Progress("swap", total=3):
        raise KeyboardInterrupt
    assert "swap: 0/3 in" in (said := capsys.readouterr().err)
    assert "(none finished)" in said
