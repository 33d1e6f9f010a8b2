"""`invoke sweep`: one training entry point, run once for each job, on Kaggle or here."""
