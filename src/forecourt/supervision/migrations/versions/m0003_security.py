"""What the security extension needs: profiles, candidate passwords, certificates, security events."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

STATION_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "security_profile": sa.Integer(),
    "proven_profile": sa.Integer(),
    "serial_number": sa.String(length=50),
    "candidate_salt": sa.LargeBinary(),
    "candidate_digest": sa.LargeBinary(),
    "candidate_text_digest": sa.LargeBinary(),
}


def upgrade() -> None:
    """Make the columns and the tables; security events told of so far are taken over."""
    for name, kind in STATION_COLUMNS.items():
        op.add_column("stations", sa.Column(name, kind, nullable=True))
    op.create_table(
        "security_upgrades",
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("former", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("noted_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_security_upgrades")),
    )
    op.create_table(
        "certificates",
        sa.Column("request_id", sa.String(length=40), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("csr", sa.Text(), nullable=False),
        sa.Column("requested_s", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("serial", sa.String(length=64), nullable=True),
        sa.Column("chain", sa.Text(), nullable=True),
        sa.Column("not_after_s", sa.Double(), nullable=True),
        sa.Column("settled_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_certificates")),
    )
    op.create_index(op.f("ix_certificates_identity_requested_s"), "certificates", ["identity", "requested_s"])
    op.create_table(
        "security_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("tech_info", sa.Text(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("stated_s", sa.Double(), nullable=True),
        sa.Column("received_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_events")),
    )
    op.create_index(op.f("ix_security_events_identity_id"), "security_events", ["identity", "id"])
    op.create_index(op.f("ix_security_events_type_id"), "security_events", ["type", "id"])
    op.execute(
        "INSERT INTO security_events (identity, own, type, tech_info, times, received_s) "
        "SELECT identity, 0, json_extract(payload, '$.type'), json_extract(payload, '$.techInfo'), 1, received_s "
        "FROM notices WHERE action = 'SecurityEventNotification' ORDER BY id"
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("security_events", "certificates", "security_upgrades"):
        op.drop_table(table)
    for name in STATION_COLUMNS:
        op.drop_column("stations", name)
