"""The autograder of Echo to Raft."""

VERSION = "1.0.0"
SCHEMA_VERSION = 1
