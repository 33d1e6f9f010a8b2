"""`build/`: what is uploaded, byte for byte."""
