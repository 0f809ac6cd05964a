"""The page's words for slugs and numbers, and what it does not show."""

from collections.abc import Mapping

from likeness.formatting import format_usd

# Photographs refused for these reasons may be shown again: what is wrong with them is technical. Everything
# else (explicit, apparent minors, strangers, photographs without a licence) stays out of sight.
SHOWABLE = frozenset({"no-face", "too-small", "blurred", "exact-duplicate", "near-duplicate"})

GROUP_WORDS: Mapping[str, tuple[str, str]] = {
    "held_out": ("Held-out photographs", "compared with each other"),
    "photographs": ("Own photographs", "in the training set"),
    "swaps": ("Swapped images", "in the training set"),
    "samples_with": ("Samples with the LoRA", "prompts with the name"),
    "samples_without": ("Samples of the base", "prompts with the name"),
    "unnamed_with": ("Class word alone, with the LoRA", "no name in the prompt"),
    "unnamed_without": ("Class word alone, base", "no name in the prompt"),
    "targets": ("The target people", "other people"),
}

TRAINING_WORDS: Mapping[str, str] = {
    "loss_first_tenth": "mean loss of the first tenth of the steps",
    "loss_last_tenth": "mean loss of the last tenth",
    "probe_loss_before": "loss on the same images and noise, before training",
    "probe_loss_after": "the same, after it",
    "lora_effect": "mean change of what the base predicts",
    "lora_layers": "layers that the LoRA changes",
}


def bin_words(name: str) -> str:
    """`15_30` as `15 to 30°`, the open last bin as `over 30°`."""
    low, high = name.split("_")
    return f"over {low}°" if float(high) >= 90 else f"{low} to {high}°"


def size_words(name: str) -> str:
    """`64_128` as `64 to 128`, the first bin as `under 64`, the open last one as `256 and more`."""
    low, high = name.split("_")
    return f"under {high}" if low == "0" else f"{low} and more" if high == "100000" else f"{low} to {high}"


def number_words(value: float) -> str:
    """`485,376` or `1.131`."""
    return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"


def usd(value: float) -> str:
    """Money, with a dash for nothing."""
    return format_usd(value) if value else "-"
