"""The section `marks`: the key that signs published files, and the label of pictures."""

from typing import Annotated

from pydantic import Field, model_validator

from likeness.settings import Section

SCHEME = "pkcs11:"
MAX_LABEL = 60  # characters; a longer one would cover the picture

VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}\z")]
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL, pattern=r"^[ -~\u00a0-\u024f]+\z")]


class MarksConfig(Section):
    """Paths and a variable's name: never a key. `label` is drawn on each picture that is published."""

    key_file: str | None
    key_env: VariableName | None
    certificate_file: str | None
    label: Label | None

    @property
    def in_token(self) -> bool:
        """Whether `key_file` names a key in a PKCS#11 token, whose PIN `key_env` has."""
        return self.key_file is not None and self.key_file.startswith(SCHEME)

    @model_validator(mode="after")
    def _one_key_with_its_certificate(self) -> "MarksConfig":
        keys = self.key_file is not None, self.key_env is not None
        return self._unless({
            "a key in a token needs its PIN: name the variable that holds it in key_env": self.in_token and not keys[1],
            "key_file holds a PIN: put it into the variable that key_env names, and change it in the token":
                self.in_token and "pin-" in (self.key_file or ""),
            "key_file and key_env both name a key: set one of them": not self.in_token and all(keys),
            "a key and its certificate belong together: set certificate_file and one of key_file, key_env":
                any(keys) != (self.certificate_file is not None),
        })  # fmt: skip
