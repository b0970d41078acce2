"""Lab 6: replication, storage, and a store for clients."""
