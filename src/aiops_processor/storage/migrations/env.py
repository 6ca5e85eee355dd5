"""Run by alembic for each migration; the connection is handed in by storage/migrate.py."""

from alembic import context

from aiops_processor.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
