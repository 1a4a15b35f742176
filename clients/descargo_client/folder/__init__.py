"""Watches a folder for files of submissions, and files them away with their answers.

Nothing here knows licenses or the network: `watcher` says which file is next, and whoever submits
it says what became of it.
"""
