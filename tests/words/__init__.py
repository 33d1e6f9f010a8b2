"""What our texts say: where they are, and whether they are in the English of this field."""
