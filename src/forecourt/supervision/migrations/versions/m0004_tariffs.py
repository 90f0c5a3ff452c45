"""Tariffs, where they hold, and what transactions cost by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "tariffs",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("valid_from_s", sa.Double(), nullable=False),
        sa.Column("tariff", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "valid_from_s", name=op.f("pk_tariffs")),
    )
    op.create_table(
        "tariff_assignments",
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tariff", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("identity", "connector_id", name=op.f("pk_tariff_assignments")),
    )
    op.create_table(
        "tariff_pictures",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tariff_pictures")),
    )
    op.create_table(
        "tariffs_shown",
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_tariffs_shown")),
    )
    op.create_table(
        "priced_transactions",
        sa.Column("transaction_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("tariff", sa.Text(), nullable=False),
        sa.Column("freed_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_priced_transactions")),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("priced_transactions", "tariffs_shown", "tariff_pictures", "tariff_assignments", "tariffs"):
        op.drop_table(table)
