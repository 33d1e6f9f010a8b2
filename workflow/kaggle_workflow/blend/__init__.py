"""Blend earlier submissions: an experiment that runs each with its own codes and wheels, and averages what they predict."""
