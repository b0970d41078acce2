"""Bytes: the grader's own codecs, and differences between what was expected and what came."""
