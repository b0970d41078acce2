"""Class mode: grades a folder of submissions, on one machine or on many."""
