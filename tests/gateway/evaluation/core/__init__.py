"""What does not depend on the competition."""
