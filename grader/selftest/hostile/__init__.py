"""Hostile submissions: what each tries, the verdict that it gets, and the proof that nothing
outside changed. ``python -m grader.selftest.hostile`` runs all of them, as every user.
"""
