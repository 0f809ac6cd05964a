"""A local model writes the captions: tiny ones of random weights in the real file formats."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from padding import shift_tensors
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from likeness.aligned import ALIGNMENT
from likeness.caption.vlm import VlmCaptioner
from likeness.errors import ConfigError, InputError

TEXT = "[PAD] [UNK] [BOS] [EOS] <image> a woman in garden photo of smiling USER: ASSISTANT:"
WORDS = TEXT.split()
PROMPT = "a photo of a woman"
SIDE_PX = 32
RGB = np.random.default_rng(0).integers(0, 255, (80, 60, 3), dtype=np.uint8)
TEMPLATE = (
    "{% for m in messages %}USER: {% for c in m['content'] %}{% if c['type'] == 'image' %}<image> "
    "{% else %}{{ c['text'] }} {% endif %}{% endfor %}{% endfor %}ASSISTANT:"
)


def tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        bos_token="[BOS]",
        eos_token="[EOS]",
        additional_special_tokens=["<image>"],
    )


def llava(folder: Path) -> None:
    """A decoder-only model with a chat template: it repeats the question before its answer."""
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE_PX,
        patch_size=16,
        projection_dim=16,
    )
    text = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )
    size = {"height": SIDE_PX, "width": SIDE_PX}
    LlavaForConditionalGeneration(
        LlavaConfig(vision_config=vision, text_config=text, image_token_index=WORDS.index("<image>"))
    ).save_pretrained(folder)
    LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size=size, crop_size=size),
        tokenizer=tokenizer(),
        patch_size=16,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        image_token="<image>",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)


def blip(folder: Path) -> None:
    """A captioner without a chat template: it goes on from the prompt."""
    config = BlipConfig(
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": SIDE_PX,
            "patch_size": 16,
        },
        text_config={
            "vocab_size": len(WORDS),
            "hidden_size": 16,
            "encoder_hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "sep_token_id": 3,
            "pad_token_id": 0,
        },
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    size = {"height": SIDE_PX, "width": SIDE_PX}
    BlipProcessor(image_processor=BlipImageProcessorPil(size=size), tokenizer=tokenizer()).save_pretrained(
        folder
    )


@pytest.fixture(scope="module", params=[llava, blip])
def folder(request, tmp_path_factory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp(request.param.__name__)
    request.param(path)
    return path


def captioner(model: Path | str, **changes) -> VlmCaptioner:
    options = {
        "model": str(model),
        "revision": None,
        "licence": "CC0-1.0",
        "prompt": PROMPT,
        "max_new_tokens": 5,
        "side_px": 64,
        "device": "cpu",
    }
    return VlmCaptioner(**options | changes)


def test_it_answers_in_words_without_the_question_and_always_the_same(folder, buyer):
    answers = []
    for _ in range(2):
        with captioner(folder).opened(buyer) as model:
            answers.append(model.describe(RGB, face=None, swapped=False).text)
    assert answers[0] == answers[1]
    assert answers[0]
    assert set(answers[0].split()) <= set(WORDS)
    assert "ASSISTANT: a" not in answers[0]
    assert len(answers[0].split()) <= 5 + (len(PROMPT.split()) if folder.name.startswith("blip") else 0)


def test_weights_lie_where_torchs_own_would_wherever_they_start_in_their_file(folder, buyer, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "model")
    shift_tensors(copy / "model.safetensors", 1)
    with captioner(copy).opened(buyer) as shifted, captioner(folder).opened(buyer) as model:
        assert shifted.describe(RGB, face=None, swapped=False) == model.describe(
            RGB, face=None, swapped=False
        )
        assert all(weight.data_ptr() % ALIGNMENT == 0 for weight in shifted.network[1].parameters())


def test_other_weights_under_the_same_path_are_another_identity(folder):
    before = captioner(folder).identity()
    weights = folder / "model.safetensors"
    data = weights.read_bytes()
    try:
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert captioner(folder).identity() != before
    finally:
        weights.write_bytes(data)
    assert captioner(folder).identity() == before
    assert captioner(folder, prompt="what is this").identity() != before


def test_an_empty_answer_is_refused(folder, buyer, monkeypatch):
    monkeypatch.setattr(VlmCaptioner, "_answer", lambda self, image: " \n")
    with pytest.raises(InputError) as caught, captioner(folder).opened(buyer) as model:
        model.describe(RGB, face=None, swapped=False)
    assert caught.value.reason == "caption-empty"


@pytest.mark.parametrize("revision", [None, "main"])
def test_a_hub_model_must_be_pinned_to_a_commit(revision):
    with pytest.raises(ConfigError) as caught:
        captioner("someone/some-model", revision=revision)
    assert caught.value.reason == "unpinned-model"
    captioner("someone/some-model", revision="a" * 40)


def test_a_folder_without_a_model_is_a_config_error(tmp_path, buyer):
    with pytest.raises(ConfigError, match="does not load"), captioner(tmp_path).opened(buyer) as model:
        model.describe(RGB, face=None, swapped=False)
