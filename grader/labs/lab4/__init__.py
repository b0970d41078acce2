"""Lab 4: the Raft message codec."""
