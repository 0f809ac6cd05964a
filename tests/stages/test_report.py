"""The stage `report` on small folders: complete, self-contained, honest, safe, and the same each time."""

import json
import re

import pytest
import yaml
from persona_folders import Folders
from persona_results import write_evaluation
from report_pages import PERSONA, checked, config, page, refuse, report_folders
from runs import run_of

from likeness.digests import sha256_file
from likeness.errors import InputError
from likeness.pipeline.manifest import read_manifest, write_manifest
from stages import dataset, report


@pytest.fixture
def folders(in_tmp, monkeypatch) -> Folders:
    return report_folders(in_tmp, monkeypatch)


def test_the_page_needs_nothing_from_outside(folders):
    report.main(run_of("report", config(), PERSONA))
    found = checked(page(folders))
    for reference in found.references:
        assert reference.startswith(("data:image/jpeg;base64,", "#"))
        assert not reference.startswith("#") or reference[1:] in found.ids
    assert "@import" not in page(folders)
    assert "url(" not in page(folders)
    assert all(image.get("alt") for image in found.images)


def test_it_tells_all_that_was_made_and_left_out(folders):
    report.main(run_of("report", config(), PERSONA))
    html = page(folders)
    assert sha256_file(folders.places.dataset_zip) in html
    assert sha256_file(folders.places.weights) in html
    assert "jade-2026-01" in html
    for entry in read_manifest(folders.places.lora_training).entries:
        assert html.count(entry.sha256) == 1  # the end of its chain
        assert (entry.text or "") in html
    for reason, remedy in (("Blurred", "use a sharp photo"), ("Yaw difference", "turned the same way")):
        assert reason in html
        assert remedy in html
    assert '<td>images</td><td class="n">4</td><td><span class="light red">red</span></td>' in html
    assert '<td>20</td><td class="n">0.1302</td><td class="n zero">-</td>' in html
    assert '<td>40</td><td class="n">0.1287</td><td class="n">0.4312</td>' in html


def test_a_large_set_is_counted_and_its_first_rows_are_shown(folders):
    refuse(folders, "too-small")
    report.main(run_of("report", config(max_rows=1), PERSONA))
    html = page(folders)
    checked(html)
    images = read_manifest(folders.places.lora_training).entries
    assert len(images) == 4
    assert "4 captions, the first 1 here" in html
    assert "4 chains, the first 1 here" in html
    assert [html.count(entry.sha256) for entry in images] == [1, 0, 0, 0]
    left_out = [
        read_manifest(folder).failures for folder in (folders.places.ingested, folders.places.swapped)
    ]
    more = [int(number) for number in re.findall(r"(\d+) lines more are in the failures.jsonl", html)]
    assert sum(more) == sum(map(len, left_out)) - 1 > 0


def test_a_line_of_several_pairs_counts_as_so_many(folders):
    swapped = read_manifest(folders.places.swapped)
    (line,) = swapped.failures
    write_manifest(folders.places.swapped, swapped.entries, [line.model_copy(update={"items": 12})])
    report.main(run_of("report", config(), PERSONA))
    assert "1 refused, 12 skipped, 0 failed" in page(folders)
    assert '<span class="quiet">12</span>' in page(folders)


def test_the_page_begins_with_what_was_drawn_beside_held_out_photographs_and_the_score(folders):
    report.main(run_of("report", config(), PERSONA))
    first = page(folders).partition('<section id="likeness"')[2].partition("</section>")[0]
    assert page(folders).partition('<section id="likeness"')[0].count("<img") == 0
    alts = re.findall(r'alt="([^"]*)"', first)
    assert alts == ["Drawn with the LoRA: jade woman, a portrait, seed 1", "Held-out photograph jade_s9.png"]
    told = re.sub(r"<[^>]+>", "", first)
    share = json.loads((folders.places.evaluation / "samples/details.json").read_text())["measures"][
        "embedders"
    ][0]["samples"]["share"]
    assert f"{100 * share['value']:.0f} % ({100 * share['low']:.0f} to {100 * share['high']:.0f})" in told
    assert "dlib&#39;s resnet takes no part in choosing" in told
    assert "The one thing to mend" in told
    for word in ("ceiling", "95 % interval", "threshold"):
        assert word in told


@pytest.mark.parametrize(
    ("base", "cells"),
    [
        ([{"facet": "framing", "asked": 4, "judged": 4, "followed": 3}], ["1 of 2", "3 of 4"]),
        ([{"facet": "framing", "asked": 4, "judged": 0, "followed": 0}], ["1 of 2", "-"]),
        ([], ["1 of 2", "-"]),
    ],
)
def test_how_prompts_are_followed_stands_beside_the_bases(folders, base, cells):
    file = folders.places.evaluation / "samples/details.json"
    told = json.loads(file.read_text())
    told["measures"]["adherence"] |= {
        "samples": [{"facet": "framing", "asked": 4, "judged": 2, "followed": 1}], "base": base,
    }  # fmt: skip
    file.write_text(json.dumps(told))
    report.main(run_of("report", config(), PERSONA))
    row = page(folders).partition("<td>framing</td>")[2].partition("</tr>")[0]
    assert re.findall(r">([^<]+)<", row) == ["4", *cells]


def test_without_a_face_the_first_screen_says_why_there_is_no_score(folders):
    write_evaluation(folders, faces=False)
    report.main(run_of("report", config(), PERSONA))
    first = page(folders).partition('<section id="likeness"')[2].partition("</section>")[0]
    assert "No face was found in the 2 samples" in first
    assert 'class="big"' not in first
    assert "The one thing to mend" in first
    assert "drawn pictures show no face." in first


def test_of_one_photograph_the_first_screen_says_why_there_is_no_share(folders):
    file = folders.places.evaluation / "samples/details.json"
    told = json.loads(file.read_text())
    nothing = {"value": None, "low": None, "high": None}
    for one in told["measures"]["embedders"]:
        one["ceiling"] = one["samples"]["share"] = nothing
    file.write_text(json.dumps(told))
    report.main(run_of("report", config(), PERSONA))
    first = page(folders).partition('<section id="likeness"')[2].partition("</section>")[0]
    assert "No share can be told: the ceiling is how alike" in first
    assert "The one thing to mend" in first


def test_words_longer_than_a_line_break(folders):
    """A browser found the page 25,059 px wide by a caption of 3,000 letters: quotations, headings and items inherit the rule."""
    report.main(run_of("report", config(), PERSONA))
    rules = dict(re.findall(r"^(\S+) \{(.*?)\}$", page(folders), re.MULTILINE))
    assert "overflow-wrap: break-word" in rules["body"]
    assert (
        "overflow-wrap: anywhere" in rules["figcaption"]
    )  # in a grid, whose columns grow with words that only may break


def test_equal_inputs_give_equal_bytes(folders):
    report.main(run_of("report", config(), PERSONA))
    first = page(folders), (folders.places.models / "README.md").read_text()
    report.main(run_of("report", config(), PERSONA))
    assert (page(folders), (folders.places.models / "README.md").read_text()) == first


def test_without_faces_in_the_samples_it_says_so_and_claims_nothing(folders):
    write_evaluation(folders, faces=False)
    report.main(run_of("report", config(), PERSONA))
    assert "No face was found in the 2 samples" in page(folders)
    assert "Samples drawn with the LoRA score" not in page(folders)


def test_text_from_outside_is_escaped(folders):
    captions = read_manifest(folders.places.captions)
    hostile = '<script>alert("x")</script> & co'
    entries = [entry.model_copy(update={"text": hostile}) for entry in captions.entries]
    write_manifest(folders.places.captions, entries, captions.failures)
    dataset.main(run_of("dataset", config(), PERSONA))
    report.main(run_of("report", config(), PERSONA))
    checked(page(folders))
    assert "<script>" not in page(folders)


@pytest.mark.parametrize(
    ("base", "base_model"), [("tiny_random", None), ("sdxl", "stabilityai/stable-diffusion-xl-base-1.0")]
)
def test_the_model_card_has_the_hubs_front_matter(folders, base, base_model):
    report.main(run_of("report", config(base), PERSONA))
    _, front, body = (folders.places.models / "README.md").read_text().split("---\n", 2)
    fields = yaml.safe_load(front)
    assert fields["library_name"] == "diffusers"
    assert fields.get("base_model") == base_model
    assert fields["instance_prompt"] == "jade woman"
    assert (fields["license"], fields["license_name"]) == ("other", "consent-jade-2026-01")
    assert {"text-to-image", "lora", "template:sd-lora"} <= set(fields["tags"])
    for widget in fields["widget"]:
        assert (folders.places.models / widget["output"]["url"]).is_file()
        assert "-with." in widget["output"]["url"]
    assert sha256_file(folders.places.weights) in body
    assert bool(re.search("draws no people", body)) == (base == "tiny_random")


def test_a_missing_stage_is_named_with_a_remedy(folders):
    (folders.places.training / "loss.csv").unlink()
    with pytest.raises(InputError) as caught:
        report.main(run_of("report", config(), PERSONA))
    assert "loss.csv" in str(caught.value)
    assert "dvc repro" in caught.value.remedy


def test_what_was_paid_stands_beside_what_was_planned(folders):
    report.main(run_of("report", config(), PERSONA))
    assert "<h3>Money</h3>" not in page(folders)
    manifest = read_manifest(folders.places.enhanced)
    paid = [
        entry.model_copy(update={"provider": "maxstudio", "cost_usd": 0.015}) for entry in manifest.entries
    ]
    write_manifest(folders.places.enhanced, paid, manifest.failures)
    report.main(run_of("report", config(enhance="maxstudio"), PERSONA))
    checked(page(folders))
    table = page(folders).partition("<h3>Money</h3>")[2].partition("</table>")[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table)
    assert cells[:6] == ["Enhance", "maxstudio", "4", "$0.02", "$0.08", "$0.06"]
    assert len(cells) == 12  # and the sum
