"""Sending a workspace to Kaggle, and the proof that what runs there is what was sent."""
