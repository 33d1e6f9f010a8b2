"""What was pushed and submitted, what came of it, and what it was made of."""
