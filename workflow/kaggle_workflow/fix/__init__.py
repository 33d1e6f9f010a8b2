"""`invoke check --fix`: repairs that need no decision."""
