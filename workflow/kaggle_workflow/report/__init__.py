"""The report: one HTML file of a history."""
