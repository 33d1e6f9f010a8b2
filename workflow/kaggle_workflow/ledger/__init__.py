"""The ledger: what was pushed and submitted, how it scored, and what it was made of."""
