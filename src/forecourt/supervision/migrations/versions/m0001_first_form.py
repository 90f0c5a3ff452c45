"""The first form of the tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _make_registries()
    _make_transactions()
    _make_reports()
    _make_commands()


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("transactions")
    op.drop_table("statuses")
    op.drop_table("stations")
    op.drop_table("settings")
    op.drop_table("orphan_stops")
    op.drop_table("notices")
    op.drop_table("meter_values")
    op.drop_table("messages")
    op.drop_table("id_tags")
    op.drop_table("commands")
    op.drop_table("command_follow_ups")


def _make_registries() -> None:
    """Make the tables of what the operator decides and what stations are."""
    op.create_table(
        "stations",
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("boot_policy", sa.String(length=10), nullable=True),
        sa.Column("interval_s", sa.Integer(), nullable=True),
        sa.Column("key_salt", sa.LargeBinary(), nullable=True),
        sa.Column("key_digest", sa.LargeBinary(), nullable=True),
        sa.Column("key_text_digest", sa.LargeBinary(), nullable=True),
        sa.Column("first_seen_s", sa.Double(), nullable=True),
        sa.Column("last_seen_s", sa.Double(), nullable=True),
        sa.Column("remote", sa.String(length=255), nullable=True),
        sa.Column("booted_s", sa.Double(), nullable=True),
        sa.Column("boot_status", sa.String(length=10), nullable=True),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("identity", name="pk_stations"),
    )
    op.create_table(
        "id_tags",
        sa.Column("folded", sa.String(length=40), nullable=False),
        sa.Column("id_tag", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("expiry_s", sa.Double(), nullable=True),
        sa.Column("parent_id_tag", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("folded", name="pk_id_tags"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )


def _make_transactions() -> None:
    """Make the tables of what was charged."""
    op.create_table(
        "transactions",
        sa.Column("transaction_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("id_tag", sa.String(length=20), nullable=False),
        sa.Column("meter_start_wh", sa.BigInteger(), nullable=False),
        sa.Column("started_s", sa.Double(), nullable=False),
        sa.Column("reservation_id", sa.BigInteger(), nullable=True),
        sa.Column("id_tag_status", sa.String(length=12), nullable=False),
        sa.Column("received_s", sa.Double(), nullable=False),
        sa.Column("meter_stop_wh", sa.BigInteger(), nullable=True),
        sa.Column("stopped_s", sa.Double(), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("stop_id_tag", sa.String(length=20), nullable=True),
        sa.Column("transaction_data", sa.Text(), nullable=True),
        sa.Column("stop_received_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("transaction_id", name="pk_transactions"),
    )
    op.create_index(
        "ix_transactions_identity_transaction_id", "transactions", ["identity", "transaction_id"], unique=False
    )
    op.create_index("ix_transactions_started_s", "transactions", ["started_s"], unique=False)
    op.create_table(
        "orphan_stops",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("meter_stop_wh", sa.BigInteger(), nullable=False),
        sa.Column("stopped_s", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("stop_id_tag", sa.String(length=20), nullable=True),
        sa.Column("transaction_data", sa.Text(), nullable=True),
        sa.Column("received_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orphan_stops"),
        sa.UniqueConstraint(
            "identity",
            "transaction_id",
            "stopped_s",
            "meter_stop_wh",
            name="uq_orphan_stops_identity_transaction_id_stopped_s_meter_stop_wh",
        ),
    )
    op.create_table(
        "meter_values",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("taken_s", sa.Double(), nullable=False),
        sa.Column("sampled_value", sa.Text(), nullable=False),
        sa.Column("received_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_values"),
    )
    op.create_index(
        "ix_meter_values_transaction_id_taken_s", "meter_values", ["transaction_id", "taken_s"], unique=False
    )


def _make_reports() -> None:
    """Make the tables of what stations said."""
    op.create_table(
        "statuses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.String(length=32), nullable=False),
        sa.Column("info", sa.String(length=50), nullable=True),
        sa.Column("vendor_id", sa.String(length=255), nullable=True),
        sa.Column("vendor_error_code", sa.String(length=50), nullable=True),
        sa.Column("stated_s", sa.Double(), nullable=True),
        sa.Column("received_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_statuses"),
    )
    op.create_index(
        "ix_statuses_identity_connector_id_id", "statuses", ["identity", "connector_id", "id"], unique=False
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("received_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_identity_id", "notices", ["identity", "id"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("frame", sa.Text(), nullable=False),
        sa.Column("discarded", sa.Text(), nullable=True),
        sa.Column("logged_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index("ix_messages_identity_id", "messages", ["identity", "id"], unique=False)


def _make_commands() -> None:
    """Make the tables of what the operator had stations do."""
    op.create_table(
        "commands",
        sa.Column("command_id", sa.String(length=40), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("given_s", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("ended_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("command_id", name="pk_commands"),
    )
    op.create_index("ix_commands_identity_given_s", "commands", ["identity", "given_s"], unique=False)
    op.create_table(
        "command_follow_ups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("command_id", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=True),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_command_follow_ups"),
    )
    op.create_index("ix_command_follow_ups_command_id_id", "command_follow_ups", ["command_id", "id"], unique=False)
