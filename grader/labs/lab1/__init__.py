"""Stages of lab 1: a TCP echo server."""
