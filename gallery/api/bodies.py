"""What routes take: nothing beside their fields, no text that a database or a page cannot hold."""

import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from likeness.errors import without_control
from likeness.safety.spelling import fold


def storable(text: str) -> str:
    """A text without a zero and without half letters (lone surrogates)."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("letters that cannot be kept")
    return text


def _one_line(text: str) -> str:
    if without_control(text) != text or "\n" in text or not fold(text).strip():
        raise ValueError("letters that cannot be seen")
    return text.strip()


def _prose(text: str) -> str:
    if without_control(text.replace("\r\n", "\n")) != text.replace("\r\n", "\n") or not fold(text).strip():
        raise ValueError("letters that cannot be seen")
    return text.strip()


def _within_reach(at: datetime.datetime) -> datetime.datetime:
    """A time that the database can read and give back, in UTC."""
    if not 1970 < at.year < 3000:
        raise ValueError("no time of ours")
    return at.astimezone(datetime.UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_within_reach)]
Text = Annotated[str, AfterValidator(storable)]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_one_line)]
Prose = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_prose)]
"""Some lines."""


class Body(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        return storable(value) if isinstance(value, str) else value
