"""Long runs of real nodes, with faults: ``make soak``."""
