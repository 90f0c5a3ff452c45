"""How Alembic runs the steps: on the connection that the store hands over, never on one of its own."""

from __future__ import annotations

from alembic import context

from forecourt.supervision.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
