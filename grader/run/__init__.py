"""Building and running student programs: sandbox, processes, the event loop of a stage, the
grader's clients.
"""
