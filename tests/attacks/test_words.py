"""Words that get past a list: disguised, spelled out, in other languages, as an age; and words that only look bad.

The list is a tripwire: what decides is the picture. Each case is one text and what becomes of it.
"""

from pathlib import Path

import pytest
from refused_words import DISGUISED, MINORS, OTHER_LANGUAGES

from likeness.safety.gates import TEXTS, Subject, judge
from likeness.safety.words import find

ROOT = Path(__file__).parents[2]
PROMPTS = Path(__file__).with_name("harmless.txt").read_text(encoding="utf-8").splitlines()


def by_language(name: str) -> dict[str, list[str]]:
    """The lines of a file below each of its headings."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    parts = [part.splitlines() for part in text.split("# ")[1:]]
    return {language: lines for language, *lines in parts}


HARMLESS_ABROAD, REFUSED_ABROAD = by_language("harmless_languages.txt"), by_language("refused_languages.txt")

HARMLESS = [
    "two blue tits on a branch", "a wire stripper on the bench", "nude-coloured shoes", "nude colored heels", "a cocktail bar",
    "photo of Dick in a hat", "Dick Tracy", "Moby-Dick", "Alan Cumming", "cumin seeds", "in Essex", "Scunthorpe station", "Sussex",
    "peacock feathers", "an analogue photo", "a breast pocket", "double-breasted jacket", "bare wall", "chicken breasts",
    "visible to the naked eye", "summa cum laude", "a cowgirl hat", "her boyfriend", "baby blue shirt", "kid gloves",
    "minor scratches", "the road snaked", "a neurotic look", "the pen is red", "Nina in a garden", "kind smile", "18 years old",
    "a 26-year-old woman", "twenty-six years old", "aged 45", "In Idaho", "Illinois", "первая дама", "a grade school building", 
    "立ちはだかる壁", "フロリダの海岸", "低カロリーの朝食",
    "her thirtieth birthday", "a cake for a 40th birthday", "almost 16 candles", "nearly 17 inches",
    "Louis XVI furniture", "a <b> sign",
    "three summers ago", "fireworks 🎆 above", "dua puluh enam tahun", "rock🎸star", "(left) in a coat", "wanita 30 tahun",
    "she is 34", "f/1.8 at 16mm", "1990s style", "in ten years, more",
    "under 5 lamps", "二十六岁的女人", "裸色高跟鞋", "26歳の女性", "イエロー フェラーリ", "vingt-six ans", "treinta y seis años",
    "eine junge Frau, 25 Jahre alt", "женщина, двадцать шесть лет", "امرأة في الثلاثين", "एक महिला", "একজন মহিলা",
]  # fmt: skip


def reason(text: str, **subject: object) -> str | None:
    """Why the doors for text refuse; all of them give one answer."""
    judged = Subject(text=text, **subject)
    answers = {(refusal := judge(door, judged)) and refusal.reason for door in TEXTS}
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize("text", DISGUISED.values(), ids=DISGUISED)
def test_a_disguised_word_is_found(text):
    assert reason(f"photo of jade, {text}, indoors") == "explicit-words"


@pytest.mark.parametrize("text", OTHER_LANGUAGES.values(), ids=OTHER_LANGUAGES)
def test_a_word_of_another_language_is_found(text):
    assert reason(f"jade, {text}") == "explicit-words"


@pytest.mark.parametrize("text", MINORS.values(), ids=MINORS)
def test_a_child_or_an_age_under_18_is_refused_whatever_is_allowed(text):
    everything = frozenset(one.word for one in find(text))
    assert reason(f"photo, {text}", allowed=everything) == "words-of-children"


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_text_passes(text):
    assert reason(text) is None


@pytest.mark.parametrize("text", PROMPTS)
def test_a_harmless_prompt_passes(text):
    assert reason(text) is None


@pytest.mark.parametrize("language", HARMLESS_ABROAD)
def test_harmless_sentences_of_a_language_pass(language):
    sentences = HARMLESS_ABROAD[language]
    assert len(sentences) >= 60
    assert {text: why for text in sentences if (why := reason(text))} == {}


@pytest.mark.parametrize("language", REFUSED_ABROAD)
def test_explicit_words_children_and_ages_of_a_language_are_refused(language):
    assert REFUSED_ABROAD.keys() == HARMLESS_ABROAD.keys()
    explicit, children, ages = (line.split(" | ") for line in REFUSED_ABROAD[language])
    expected = {
        **dict.fromkeys(explicit, "explicit-words"),
        **dict.fromkeys([*children, *ages], "words-of-children"),
    }
    assert {text: reason(f"jade, {text}") for text in expected} == expected


UNDRESSED = {
    "Spanish": "quitándose la ropa | se quita el vestido | sin su ropa | no lleva ropa | vestida solo con medias",
    "French": "enlève sa robe | retire ses vêtements | elle se déshabille | ne porte que des chaussures | sans aucun vêtement",
    "German": "zieht sich aus | zieht ihr Kleid aus | ohne ihren BH | ohne etwas an | trägt nur Strümpfe | trägt nur ihre Schuhe",
    "Italian": "si toglie il vestito | senza niente addosso | seno nudo | a seno scoperto | indossa solo calze",
}  # fmt: skip
UNDER_AGE = {
    "Spanish": "chica de instituto | estudiante de secundaria | 15añera | recién cumplidos los 16 | aún no cumple 18",
    "French": "élève de sixième | n'a pas 18 ans | n'a pas encore 18 ans | pas encore majeure",
    "German": "Gymnasiastin", "Italian": "liceale | studentessa delle medie | quindicenne | sedicenne | non ha ancora 18 anni",
}  # fmt: skip
DRESSED = {
    "Spanish": "se quita el abrigo | sin abrigo ni sombrero | quitándose las gafas | lleva solo negro | no lleva gafas",
    "French": "enlève son manteau | sans manteau | retire ses lunettes | ne porte que du noir | n'a pas de sac | vêtue de noir",
    "German": "zieht den Mantel aus | zieht ihr Kleid an | ohne Mantel | trägt nur Schwarz | ohne ihren Hut | zieht die Schuhe aus",
    "Italian": "si toglie il cappotto | senza cappello | indossa solo nero | si toglie gli occhiali | non ha ancora finito",
    "Portuguese": "tirando o casaco | sem chapéu | vestindo apenas preto | só de passagem | não tem chapéu",
    "Russian": "снимает пальто | снимает шляпу | только в городе | в одних местах | ученица художника",
}  # fmt: skip


@pytest.mark.parametrize("language", DRESSED)
def test_undressing_and_what_alone_is_worn_are_told_from_hats_and_coats(language):
    expected = {
        **dict.fromkeys(UNDRESSED.get(language, "sem roupas | без одежды").split(" | "), "explicit-words"),
        **dict.fromkeys(UNDER_AGE.get(language, "menina | девочка").split(" | "), "words-of-children"),
        **dict.fromkeys(DRESSED[language].split(" | ")),
    }
    assert {text: reason(f"jade, {text}") for text in expected} == expected


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("photo of jade, tít", True), ("photo of jade, nụ dẹ", True), ("cô ấy nụdẹ", True), ("cô ấy khỏa than", True),
        ("quán cà phê, pórn", True), ("đèn đường, bỏy", True), ("một bầu cúm", False), ("bảy mươi tuổi", False),
        ("hai mươi sáu tuổi", False), ("mười tám tuổi", False), ("on sekiz yaşında", False), ("yirmi altı yaşında", False),
        ("dua puluh enam tahun", False), ("dame de dix huit ans", False), ("usia enam belas tahun", True),
    ],
)  # fmt: skip
def test_an_accent_of_vietnamese_is_another_word_and_a_number_in_parts_is_one(text, refused):
    assert (reason(text) is not None) == refused
