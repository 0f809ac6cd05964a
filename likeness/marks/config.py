"""The section `marks`: with which key things are signed that leave, and what label pictures get."""

from typing import Annotated

from pydantic import Field, model_validator

from likeness.settings import Section

MAX_LABEL = 60  # characters; a longer one would cover the picture

VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}\z")]
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL, pattern=r"^[ -~\u00a0-\u024f]+\z")]


class MarksConfig(Section):
    """Paths and a variable's name: never a key. `label` is drawn on each picture that is published."""

    key_file: str | None
    key_env: VariableName | None
    certificate_file: str | None
    label: Label | None

    @model_validator(mode="after")
    def _one_key_with_its_certificate(self) -> "MarksConfig":
        if self.key_file is not None and self.key_env is not None:
            raise ValueError("key_file and key_env both name a key: set one of them")
        if ((self.key_file or self.key_env) is None) != (self.certificate_file is None):
            raise ValueError(
                "a key and its certificate belong together: set certificate_file and one of key_file, key_env"
            )
        return self
