"""A cluster of the student's nodes on this machine, to be looked at and disturbed."""
