"""Calls to Kaggle, with its answers as values."""
