"""Uploads of stations, and an index of the meter values that name no transaction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

WITHOUT_TRANSACTION = "ix_meter_values_without_transaction"


def upgrade() -> None:
    """Make the table and the index."""
    op.create_table(
        "uploads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("command_id", sa.String(length=40), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint("identity", "name", name=op.f("uq_uploads_identity_name")),
    )
    op.create_index(op.f("ix_uploads_command_id"), "uploads", ["command_id"])
    op.create_index(
        WITHOUT_TRANSACTION,
        "meter_values",
        ["identity", "connector_id", "taken_s"],
        sqlite_where=sa.text("transaction_id IS NULL"),
        postgresql_where=sa.text("transaction_id IS NULL"),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_index(WITHOUT_TRANSACTION, "meter_values")
    op.drop_table("uploads")
