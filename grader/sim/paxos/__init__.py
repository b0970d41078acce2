"""Single-decree Paxos in the simulator: its messages, rules, clusters and words."""
