"""Everything that talks to Kaggle, and its answers as values."""
