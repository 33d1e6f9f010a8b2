"""Submit a version, and watch its submission until it is scored."""
