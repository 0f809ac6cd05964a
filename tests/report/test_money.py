"""Planned beside actual: what the images of a set cost."""

from types import SimpleNamespace

import pytest

from likeness.purchases.prices import Quote
from likeness.report.money import money_rows
from likeness.report.words import usd

OFFERS = {
    step: (name, Quote(calls=1, usd=price, seconds=1))
    for step, name, price in (("swapped", "maxstudio", 0.10), ("enhanced", "maxstudio", 0.02), ("captions", "grok", 0.003875))
}  # fmt: skip


def got(**steps: list[tuple[str, float]]) -> SimpleNamespace:
    """Manifests of (provider, cost) entries."""
    return SimpleNamespace(
        steps={
            step: SimpleNamespace(
                entries=[SimpleNamespace(provider=name, cost_usd=cost) for name, cost in steps.get(step, [])]
            )
            for step in OFFERS
        }
    )


def told(rows) -> list[tuple]:
    return [tuple(row.values()) for row in rows]


def test_each_paid_stage_has_a_row_and_only_what_its_provider_made_counts():
    set_of_32 = got(
        swapped=[("maxstudio", 0.10)] * 32 + [("none", 0.0)] * 4,
        enhanced=[("maxstudio", 0.02)] * 32,
        captions=[("grok", 0.0011)] * 31 + [("override", 0.0)],
    )
    assert told(money_rows(set_of_32, OFFERS)) == [
        ("Swap", "maxstudio", 32, "$0.10", "$3.20", "$3.20"),
        ("Enhance", "maxstudio", 32, "$0.02", "$0.64", "$0.64"),
        ("Caption", "grok", 31, "$0.0039", "$0.12", "$0.0341"),
        ("together", "", 95, "", "$3.96", "$3.87"),
    ]


def test_a_price_that_changed_shows_as_a_difference():
    (row, total) = money_rows(got(swapped=[("maxstudio", 0.08)] * 10), {"swapped": OFFERS["swapped"]})
    assert (row["planned"], row["actual"]) == (total["planned"], total["actual"]) == ("$1.00", "$0.80")


@pytest.mark.parametrize("offers", [{}, OFFERS])
def test_a_set_that_cost_nothing_has_no_table(offers):
    assert money_rows(got(swapped=[("local", 0.0)] * 3, captions=[("openai", 0.0)]), offers) == []


def test_sums_read_well():
    assert [usd(value) for value in (0, 0.0011, 0.02, 0.124, 3.2)] == [
        "-",
        "$0.0011",
        "$0.02",
        "$0.12",
        "$3.20",
    ]
