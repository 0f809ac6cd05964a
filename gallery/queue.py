# pyright: reportUnknownMemberType=false
# procrastinate types its tasks by what they take, which a name does not know.
"""The queue: jobs in the same database, so that a wish and its job are there together or not at all."""

import uuid

from procrastinate import App, SyncPsycopgConnector
from sqlalchemy.orm import Session

DRAW = "gallery.draw"
QUEUE = "draw"
_sender = App(connector=SyncPsycopgConnector())


def enqueue(db: Session, generation_id: uuid.UUID) -> int:
    """Add the job of a generation in the transaction of `db`; gives its number. Jobs of one generation run one at a time."""
    connection = db.connection().connection.driver_connection
    task = _sender.configure_task(DRAW, queue=QUEUE, lock=str(generation_id), connection=connection)
    return task.defer(generation_id=str(generation_id))
