"""Send a workspace to Kaggle, and check that what runs there is what was sent."""
