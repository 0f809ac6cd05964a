"""A CLIP tokenizer of one's own words: each is one token; any other text is spelled in pieces of them, or bytes."""

from collections import Counter
from itertools import pairwise

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

END = "</w>"


def build_tokenizer(words: list[str], length: int) -> CLIPTokenizer:
    """256 bytes, 256 word ends, the pieces that byte-pair encoding makes of `words`, start and end."""
    letters = list(bytes_to_unicode().values())
    merges = byte_pairs(words)
    tokens = [*letters, *(letter + END for letter in letters)]
    tokens += [*dict.fromkeys(a + b for a, b in merges), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=length)


def byte_pairs(words: list[str]) -> list[tuple[str, str]]:
    """Merges in order of rank until each word is one piece (Sennrich et al., arXiv 1508.07909, algorithm 1)."""
    spelled = [(*word[:-1], word[-1] + END) for word in sorted(set(words))]
    merges: list[tuple[str, str]] = []
    while any(len(word) > 1 for word in spelled):
        counts = Counter(pair for word in spelled for pair in pairwise(word))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        spelled = [_merged(word, best) for word in spelled]
    return merges


def _merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    place = 0
    while place < len(word):
        width = 2 if word[place : place + 2] == pair else 1
        out.append("".join(word[place : place + width]))
        place += width
    return tuple(out)
