"""`invoke doctor`: everything that could stop you."""
