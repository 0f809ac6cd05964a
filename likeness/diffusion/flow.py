# pyright: basic
# (diffusers pipelines are not typed)
"""The common part of bases that read a prompt with Qwen3 and predict a flow with a transformer."""

from __future__ import annotations

from likeness.diffusion.bases import Base

PROMPT_TOKENS = 512  # what the pipelines read of a prompt, chat template included (their max_sequence_length)


class FlowTransformer(Base):
    """A velocity at continuous times of 0..1."""

    NETWORK = "transformer"
    SINGLE_FILE = False
    FLOW = True
    MID_TIMESTEP = 0.5
    STEP_PX = 16  # patches of 2 by 2 cells
    PUBLISHED_TEXT_ENCODERS = 4.02e9
    # Whether the chat template lets Qwen3 think.
    THINKING: bool

    def token_count(self, text: str) -> int:
        """See Base."""
        chat = [{"role": "user", "content": text}]
        prompt = self.pipeline.tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=True, enable_thinking=self.THINKING
        )
        return len(self.pipeline.tokenizer(prompt).input_ids)

    @property
    def token_limit(self) -> int:
        """See Base."""
        return PROMPT_TOKENS
