"""What survives a pass: the state, opened with `open_store`."""

from tieline.sync.store.store import Store, Tx, open_store

__all__ = ["Store", "Tx", "open_store"]
