"""The grader, tested like a product."""
