"""The supervision's tables, as SQLAlchemy Core describes them.

Times are seconds since the epoch (a double, so that they sort and compare as numbers); energy is in Wh. What OCPP sends
as a list or a record and nobody searches by is kept as its JSON text. Every list that the API pages through has an `id`
that only grows. The tables are made by the migrations in `migrations/`; a test keeps the two equal.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

STATIONS = Table(
    "stations",
    METADATA,
    Column("identity", String(255), primary_key=True),
    # Registered by an operator: welcome also when enrolment is closed. Others have only been seen.
    Column("registered", Boolean, nullable=False, default=False),
    # What the operator wants BootNotification answered with; null where nobody registered the station.
    Column("boot_policy", String(10)),
    Column("interval_s", Integer),
    # Salted digests of the AuthorizationKey, of its bytes and of its text; never the key.
    Column("key_salt", LargeBinary),
    Column("key_digest", LargeBinary),
    Column("key_text_digest", LargeBinary),
    Column("first_seen_s", Double),
    Column("last_seen_s", Double),
    Column("remote", String(255)),
    Column("booted_s", Double),
    Column("boot_status", String(10)),
    Column("boot", Text),
    # What a station must show at the handshake; null for any profile that is not below the proven one.
    Column("security_profile", Integer),
    Column("proven_profile", Integer),
    # The serial number the operator gave; null for the one of BootNotification.
    Column("serial_number", String(50)),
    # Digests of a password that the station may or may not have taken already.
    Column("candidate_salt", LargeBinary),
    Column("candidate_digest", LargeBinary),
    Column("candidate_text_digest", LargeBinary),
)

SECURITY_UPGRADES = Table(
    "security_upgrades",
    METADATA,
    Column("identity", String(255), primary_key=True),
    Column("target", Integer, nullable=False),
    Column("former", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("step", String(40), nullable=False),
    Column("sentence", Text),
    Column("noted_s", Double, nullable=False),
)

CERTIFICATES = Table(
    "certificates",
    METADATA,
    Column("request_id", String(40), primary_key=True),
    Column("identity", String(255), nullable=False),
    Column("csr", Text, nullable=False),
    Column("requested_s", Double, nullable=False),
    # rejected, requested, issued, installed, refused, failed or revoked.
    Column("state", String(10), nullable=False),
    Column("sentence", Text),
    # Of the certificate itself, as hex digits; null while there is none.
    Column("serial", String(64)),
    Column("chain", Text),
    Column("not_after_s", Double),
    Column("settled_s", Double),
    Index(None, "identity", "requested_s"),
)

SECURITY_EVENTS = Table(
    "security_events",
    METADATA,
    Column("id", Integer, primary_key=True),
    # Empty for an event that is about no station in particular.
    Column("identity", String(255), nullable=False),
    # Whether the supervision saw it; otherwise the station reported it.
    Column("own", Boolean, nullable=False),
    Column("type", String(50), nullable=False),
    Column("tech_info", Text),
    Column("times", Integer, nullable=False),
    Column("stated_s", Double),
    Column("received_s", Double, nullable=False),
    Index(None, "identity", "id"),
    Index(None, "type", "id"),
)

ID_TAGS = Table(
    "id_tags",
    METADATA,
    # An idTag compares without regard to case: `folded` is its case-folded form.
    Column("folded", String(40), primary_key=True),
    Column("id_tag", String(20), nullable=False),
    Column("status", String(12), nullable=False),
    Column("expiry_s", Double),
    Column("parent_id_tag", String(20)),
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

TRANSACTIONS = Table(
    "transactions",
    METADATA,
    Column("transaction_id", Integer, primary_key=True, autoincrement=False),
    Column("identity", String(255), nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("id_tag", String(20), nullable=False),
    Column("meter_start_wh", BigInteger, nullable=False),
    Column("started_s", Double, nullable=False),
    Column("reservation_id", BigInteger),
    # The AuthorizationStatus that StartTransaction was answered.
    Column("id_tag_status", String(12), nullable=False),
    Column("received_s", Double, nullable=False),
    Column("meter_stop_wh", BigInteger),
    Column("stopped_s", Double),
    Column("reason", String(16)),
    Column("stop_id_tag", String(20)),
    Column("transaction_data", Text),
    Column("stop_received_s", Double),
    Index(None, "identity", "transaction_id"),
    Index(None, "started_s"),
)

TARIFFS = Table(
    "tariffs",
    METADATA,
    Column("name", String(40), primary_key=True),
    # From when on this version holds; -1 for always.
    Column("valid_from_s", Double, primary_key=True),
    # The tariff as JSON, its prices as texts.
    Column("tariff", Text, nullable=False),
)

TARIFF_ASSIGNMENTS = Table(
    "tariff_assignments",
    METADATA,
    # Empty for all stations, and 0 for all guns, that have none of their own.
    Column("identity", String(255), primary_key=True),
    Column("connector_id", BigInteger, primary_key=True, autoincrement=False),
    Column("tariff", String(40), nullable=False),
)

TARIFF_PICTURES = Table(
    "tariff_pictures",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("file", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

TARIFFS_SHOWN = Table(
    "tariffs_shown",
    METADATA,
    Column("identity", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
)

PRICED_TRANSACTIONS = Table(
    "priced_transactions",
    METADATA,
    Column("transaction_id", Integer, primary_key=True, autoincrement=False),
    Column("identity", String(255), nullable=False),
    # The version of the tariff that the transaction began with, as JSON.
    Column("tariff", Text, nullable=False),
    # When its gun was free again; null while that is not known.
    Column("freed_s", Double),
)

ORPHAN_STOPS = Table(
    "orphan_stops",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("identity", String(255), nullable=False),
    Column("transaction_id", BigInteger, nullable=False),
    Column("meter_stop_wh", BigInteger, nullable=False),
    Column("stopped_s", Double, nullable=False),
    Column("reason", String(16)),
    Column("stop_id_tag", String(20)),
    Column("transaction_data", Text),
    Column("received_s", Double, nullable=False),
    # One sent again is kept once.
    UniqueConstraint("identity", "transaction_id", "stopped_s", "meter_stop_wh"),
)

METER_VALUES = Table(
    "meter_values",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("identity", String(255), nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("transaction_id", BigInteger),
    Column("taken_s", Double, nullable=False),
    # The list of sampled values as JSON, each as it was sent.
    Column("sampled_value", Text, nullable=False),
    Column("received_s", Double, nullable=False),
    # The values of a transaction are read in the order of their own timestamps.
    Index(None, "transaction_id", "taken_s"),
    # Values without a transaction are sought by the gun and the time.
    Index(
        "ix_meter_values_without_transaction",
        "identity",
        "connector_id",
        "taken_s",
        sqlite_where=text("transaction_id IS NULL"),
        postgresql_where=text("transaction_id IS NULL"),
    ),
)

STATUSES = Table(
    "statuses",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("identity", String(255), nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error_code", String(32), nullable=False),
    Column("info", String(50)),
    Column("vendor_id", String(255)),
    Column("vendor_error_code", String(50)),
    Column("stated_s", Double),
    Column("received_s", Double, nullable=False),
    Index(None, "identity", "connector_id", "id"),
)

NOTICES = Table(
    "notices",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("identity", String(255), nullable=False),
    Column("action", String(40), nullable=False),
    Column("payload", Text, nullable=False),
    Column("received_s", Double, nullable=False),
    Index(None, "identity", "id"),
)

MESSAGES = Table(
    "messages",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("identity", String(255), nullable=False),
    Column("sent", Boolean, nullable=False),
    Column("frame", Text, nullable=False),
    # Why a frame was ignored or could not be read; null for those that were understood.
    Column("discarded", Text),
    Column("logged_s", Double, nullable=False),
    Index(None, "identity", "id"),
)

COMMANDS = Table(
    "commands",
    METADATA,
    Column("command_id", String(40), primary_key=True),
    Column("identity", String(255), nullable=False),
    Column("action", String(40), nullable=False),
    Column("request", Text, nullable=False),
    Column("given_s", Double, nullable=False),
    # The class of the outcome and the outcome as JSON; null while it is awaited.
    Column("outcome", String(20)),
    Column("detail", Text),
    Column("ended_s", Double),
    Index(None, "identity", "given_s"),
)

COMMAND_FOLLOW_UPS = Table(
    "command_follow_ups",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("command_id", String(40), nullable=False),
    Column("action", String(40), nullable=False),
    Column("status", String(40)),
    Column("transaction_id", BigInteger),
    Column("at_s", Double, nullable=False),
    Index(None, "command_id", "id"),
)

UPLOADS = Table(
    "uploads",
    METADATA,
    Column("id", Integer, primary_key=True),
    # The command that asked for it.
    Column("command_id", String(40), nullable=False),
    Column("identity", String(255), nullable=False),
    # The file's name in the station's folder of uploads.
    Column("name", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("received_s", Double, nullable=False),
    UniqueConstraint("identity", "name"),
    Index(None, "command_id"),
)
