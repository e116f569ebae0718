"""Alembic's entry: runs the migrations on the connection that `tieline.sync.store.migrate` hands over."""

from alembic import context

from tieline.sync.store.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
