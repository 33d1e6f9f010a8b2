"""One function for each command, called with the workspace and the command (`command_list.py`)."""
