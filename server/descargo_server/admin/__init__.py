"""What operators run: the command line `descargo-server`."""
