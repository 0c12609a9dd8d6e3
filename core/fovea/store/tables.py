"""The tables of the store."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from fovea.store.columns import Id, count, flag, metadata, name, number, text, time, to

sites = Table(
    "sites",
    metadata,
    number(),
    name("name"),
    name("title"),
    text("domain"),
    name("root"),
    time("made"),
    UniqueConstraint("name"),
)

settings = Table(
    "settings",
    metadata,
    number(),
    to("sites", "site_id"),
    text("kind"),
    name("unit"),
    text("data"),
    name("actor"),
    name("role"),
    time("time"),
    Index(None, "site_id", "kind"),
)

line_up = Table(
    "line_up",
    metadata,
    number(),
    to("sites", "site_id"),
    text("role"),
    name("name"),
    name("path"),
    text("digest"),
    name("actor"),
    time("time"),
    Index(None, "site_id"),
)

fitted = Table(
    "fitted",
    metadata,
    number(),
    to("sites", "site_id"),
    name("unit"),
    text("digest"),
    text("data"),
    Column("arrays", LargeBinary, nullable=False),
    name("actor"),
    time("time"),
    Index(None, "site_id"),
)

runs = Table(
    "runs",
    metadata,
    number(),
    name("name"),
    text("domain"),
    text("role"),
    text("state"),
    text("data"),
    text("fingerprint"),
    name("folder"),
    time("started"),
    time("ended", optional=True),
    UniqueConstraint("name"),
)

sources = Table(
    "sources",
    metadata,
    number(),
    to("sites", "site_id"),
    name("path"),
    count("version"),
    flag("is_file"),
    Column("stream", Boolean, nullable=False, server_default=false()),  # added to tables that were there already
    count("size"),
    count("mtime_ns"),
    count("ctime_ns"),
    Column("inode", Text, nullable=False),  # an inode may need 64 bits without a sign
    flag("deleted"),
    UniqueConstraint("site_id", "path"),
)

samples = Table(
    "samples",
    metadata,
    number(),
    to("sites", "site_id"),
    to("sources", "source_id"),
    count("version"),
    name("part"),
    text("facts"),
    name("unit"),
    time("time_us", optional=True),
    text("zone"),
    Column("position", Float, nullable=False),
    text("data"),
    text("answers"),
    flag("current"),
    flag("kept"),
    count("seen_scan"),
    time("changed"),
    UniqueConstraint("source_id", "part", "version", "facts"),
    Index(None, "site_id", "unit", "current"),
)

records = Table(
    "records",
    metadata,
    number(),
    to("sites", "site_id"),
    text("kind"),
    name("unit"),
    time("time_us"),
    name("key"),
    text("data"),
    flag("current"),
    flag("kept"),
    count("seen_scan"),
    UniqueConstraint("site_id", "unit", "time_us", "kind", "key"),
)

silence = Table(
    "silence",
    metadata,
    to("sites", "site_id"),
    name("unit"),
    time("time_us"),
    text("zone"),
    flag("tick"),
    flag("ends"),
    PrimaryKeyConstraint("site_id", "unit", "time_us"),
)

clips = Table(
    "clips",
    metadata,
    number(),
    to("sites", "site_id"),
    name("unit"),
    name("key"),
    name("path"),
    time("start_us"),
    time("end_us"),
    text("zone"),
    count("frames"),
    UniqueConstraint("site_id", "unit", "key", "start_us"),
)

units = Table(
    "units",
    metadata,
    to("sites", "site_id"),
    name("unit"),
    count("seq"),
    count("decided_seq"),
    text("decided_key"),
    count("batch_id"),
    text("fault"),
    PrimaryKeyConstraint("site_id", "unit"),
)

batches = Table(
    "batches",
    metadata,
    number(),
    to("sites", "site_id"),
    text("job"),
    text("job_digest"),
    count("scan"),
    flag("in_order"),
    text("state"),
    time("opened"),
    time("finished", optional=True),
    Index(None, "site_id"),
)

work = Table(
    "work",
    metadata,
    number(),
    to("batches", "batch_id"),
    text("kind"),
    name("unit"),
    count("place"),
    text("state"),
    name("owner"),
    count("fence"),
    count("attempt"),
    time("lease_until"),
    count("pictures"),
    Index(None, "batch_id", "state", "kind", "id"),
    Index(None, "batch_id", "unit", "place"),
)

work_samples = Table(
    "work_samples",
    metadata,
    to("work", "work_id"),
    to("samples", "sample_id"),
    count("place"),
    PrimaryKeyConstraint("work_id", "place"),
    Index(None, "sample_id"),
)

work_units = Table(
    "work_units",
    metadata,
    to("work", "work_id"),
    name("unit"),
    count("batch_id"),
    text("kind"),
    count("seq"),
    PrimaryKeyConstraint("work_id", "unit"),
    Index(None, "batch_id", "unit", "kind"),
)

measures = Table(
    "measures",
    metadata,
    number(),
    to("samples", "sample_id"),
    text("result_key"),
    text("data"),
    count("batch_id"),
    UniqueConstraint("sample_id", "result_key"),
    Index(None, "batch_id"),
)

predictions = Table(
    "predictions",
    metadata,
    number(),
    to("samples", "sample_id"),
    name("region"),
    text("role"),
    text("bundle_digest"),
    text("view_digest"),
    text("fitted_digest"),
    text("precision"),
    text("data"),
    UniqueConstraint(
        "sample_id",
        "region",
        "role",
        "bundle_digest",
        "view_digest",
        "fitted_digest",
        "precision",
        name="uq_predictions_identity",
    ),
)

quarantine = Table(
    "quarantine",
    metadata,
    number(),
    to("sites", "site_id"),
    to("sources", "source_id"),
    count("version"),
    name("part"),
    text("view_digest"),
    text("code"),
    name("reason"),
    text("plugin"),
    text("function"),
    flag("active"),
    count("batch_id"),
    time("time"),
    UniqueConstraint("source_id", "part", "version"),
    Index(None, "site_id", "active"),
)

decisions = Table(
    "decisions",
    metadata,
    number(),
    to("sites", "site_id"),
    name("unit"),
    name("key"),
    text("data"),
    text("digest"),
    count("revision"),
    flag("withdrawn"),
    count("batch_id"),
    time("time"),
    UniqueConstraint("site_id", "unit", "key"),
)

decision_history = Table(
    "decision_history",
    metadata,
    to("decisions", "decision_id"),
    count("revision"),
    text("data"),
    flag("withdrawn"),
    count("batch_id"),
    time("time"),
    PrimaryKeyConstraint("decision_id", "revision"),
    Index(None, "batch_id"),
)

cases = Table(
    "cases",
    metadata,
    number(),
    to("sites", "site_id"),
    to("decisions", "decision_id"),
    name("unit"),
    text("state"),
    flag("active"),
    time("opened"),
    UniqueConstraint("decision_id"),
    Index(None, "site_id", "state"),
)

reviews = Table(
    "reviews",
    metadata,
    number(),
    to("cases", "case_id"),
    text("verb"),
    name("actor"),
    name("role"),
    time("time"),
    name("verdict"),
    name("note"),
    text("state"),
    count("revision"),
    Index(None, "case_id"),
)

outbox = Table(
    "outbox",
    metadata,
    number(),
    name("event_id"),
    text("kind"),
    name("subject"),
    name("site"),
    time("time"),
    text("zone"),
    text("facts"),
    UniqueConstraint("event_id"),
    Index(None, "subject", "id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    to("outbox", "event_number"),
    name("listener"),
    text("state"),
    count("attempts"),
    time("next_time"),
    name("error"),
    PrimaryKeyConstraint("event_number", "listener"),
    Index(None, "listener", "state"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Id, primary_key=True, autoincrement=False),
    time("time"),
    name("actor"),
    name("role"),
    text("action"),
    name("subject"),
    text("facts"),
    text("previous"),
    text("digest"),
)
