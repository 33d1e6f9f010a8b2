"""One module for each command: `main(workspace, **options)`."""
