"""The command line `descargo`, for agencies, lanes, brokers and auditors."""
