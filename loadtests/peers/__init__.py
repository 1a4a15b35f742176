"""Others beside us, where they can be had on this machine; outside `make bench`."""
