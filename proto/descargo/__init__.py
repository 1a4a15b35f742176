"""The public contract of Descargo: `descargo.v1`, and the texts of its findings and reasons."""
