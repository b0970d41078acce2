"""A whole class, made for the tests of class mode: its students, what they handed in, the export of
the platform that it lies in, and what must become of each.
"""
