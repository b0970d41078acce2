"""The simulator of labs 5 and 6: clusters of the student's core in virtual time. What happens, and
when, is the grader's; what a server does about it is the student's, and is checked.
"""
