"""Lab 3: the RESP parser, and the store behind it."""
