"""One batch of xAI's and the requests in it."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fakes.books import Booking
from fakes.xai import BAD_ARGUMENT, refusal

BATCHABLE = {"grok-4.3", "grok-4.20-0309-reasoning", "grok-4.20-0309-non-reasoning"}
"""Models that may be batched; a batch with any other is refused whole."""

EXPIRE = timedelta(days=30)


def today() -> str:
    """Batches have dates, not times."""
    return datetime.now(UTC).date().isoformat()


@dataclass
class Line:
    """One request of a batch; `chat` says which of the two bodies it has."""

    asked: dict[str, Any]
    chat: bool
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    finished: str | None = None
    state: str = "pending"
    result: dict[str, Any] = field(default_factory=dict)
    booking: Booking | None = None


@dataclass
class Batch:
    """A container of requests."""

    name: str
    input_file_id: str | None
    batch_id: str = field(default_factory=lambda: f"batch_{uuid.uuid4()}")
    created: date = field(default_factory=lambda: datetime.now(UTC).date())
    cancel_time: str | None = None
    cancel_by_xai_message: str | None = None
    lines: dict[str, Line] = field(default_factory=dict)

    def view(self) -> dict[str, Any]:
        """What is told of it."""
        states = [line.state for line in self.lines.values()]
        count = {"num_requests": len(states)} | {
            f"num_{name}": states.count(state)
            for name, state in (
                ("pending",) * 2,
                ("success", "succeeded"),
                ("error", "failed"),
                ("cancelled",) * 2,
            )
        }
        whole = {
            "batch_id": self.batch_id,
            "name": self.name,
            "create_time": self.created.isoformat(),
            "expire_time": (self.created + EXPIRE).isoformat(),
            "create_api_key_id": "fake-key",
            "cancel_time": self.cancel_time,
            "cancel_by_xai_message": self.cancel_by_xai_message,
            "state": count,
        }
        return whole | ({"input_file_id": self.input_file_id} if self.input_file_id else {})


def line_of(given: dict[str, Any]) -> Line:
    """A request as it is added inline: {"batch_request": {"chat_get_completion" or "responses": body}}.

    Raises:
        Refusal: 400 for a model that cannot be batched, 422 for anything else.
    """
    body = given.get("batch_request")
    for kind in ("chat_get_completion", "responses"):
        if isinstance(body, dict) and isinstance(asked := body.get(kind), dict):
            if asked.get("model") not in BATCHABLE:
                raise refusal(
                    400, f"Model {asked.get('model')} is not supported for batch processing.", BAD_ARGUMENT
                )
            return Line(asked, chat=kind == "chat_get_completion")
    raise refusal(422, "Failed to deserialize the JSON body into the target type: batch_request")
