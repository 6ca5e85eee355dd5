"""The first tables.

They are created from the definitions of today, which is right until the first release: from then on this file is
frozen and every change is a migration of its own.
"""

from alembic import op

from aiops_processor.storage.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
