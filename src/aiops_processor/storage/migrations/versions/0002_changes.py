"""Changes that were posted to us.

A database that 0001 made from the definitions of today has the table already.
"""

from alembic import op

from aiops_processor.storage.tables import changes

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    changes.create(op.get_bind(), checkfirst=True)
