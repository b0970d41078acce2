"""Lab 2: one event loop, two backends."""
