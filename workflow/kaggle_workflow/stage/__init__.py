"""`build/`: what is sent, byte for byte, before it is sent."""
