"""Search uploads for credentials, and refuse them."""
