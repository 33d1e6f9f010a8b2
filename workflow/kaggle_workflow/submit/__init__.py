"""Spending a submission, and waiting for its score."""
