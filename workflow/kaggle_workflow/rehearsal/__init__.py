"""Notebooks executed here as Kaggle executes them."""
