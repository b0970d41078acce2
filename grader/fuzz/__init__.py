"""The codecs of labs 3 and 4 under random bytes: libFuzzer's targets (``native``), and the same
streams through a driver and through the grader's own codec (``differential``).
"""
