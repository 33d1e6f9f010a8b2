"""A package of the shape that a competition with an evaluation API mounts as `kaggle_evaluation`; ours, and much smaller."""
