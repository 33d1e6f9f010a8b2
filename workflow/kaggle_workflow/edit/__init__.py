"""The smallest edits of files that a person wrote."""
