"""Credentials in what is about to be sent: none goes out."""
