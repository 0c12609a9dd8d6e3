"""Revision 0002: streams, the seconds they were silent, and clips."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Tell streams from files; add what streams leave behind; a prediction's precision is its own role's."""
    _own_precision()
    op.add_column("sources", sa.Column("stream", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "silence",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("unit", sa.LargeBinary(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("tick", sa.Boolean(), nullable=False),
        sa.Column("ends", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_silence_site_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("site_id", "unit", "time_us", name=op.f("pk_silence")),
    )
    op.create_table(
        "clips",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("unit", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_clips_site_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clips")),
        sa.UniqueConstraint("site_id", "unit", "key", "start_us", name=op.f("uq_clips_site_id_unit_key_start_us")),
    )


def _own_precision() -> None:
    """Revision 0001 wrote the precisions of all roles (``disease:bf16 stage:fp32``) beside each prediction."""
    predictions = sa.table("predictions", sa.column("role", sa.Text()), sa.column("precision", sa.Text()))
    connection = op.get_bind()
    for (told,) in connection.execute(sa.select(predictions.c.precision).distinct()).all():
        for role, own in (part.split(":", 1) for part in told.split() if ":" in part):
            mine = (predictions.c.precision == told, predictions.c.role == role)
            connection.execute(predictions.update().where(*mine).values(precision=own))
