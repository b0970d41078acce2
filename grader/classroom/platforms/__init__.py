"""Autograders for learning platforms, which grade one submission at a time where it was handed in:
a zip for Gradescope, a tar for Autolab, a workflow for GitHub Classroom.

Each is the same grader under the same order. What differs is where a submission lies, what keeps
its programs away from the grader's files, and the form of the result.
"""
