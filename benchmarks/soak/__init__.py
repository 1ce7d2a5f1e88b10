"""A month of hourly runs in minutes: against a fake service, on simulated time, with faults and kills.

`simulation` drives, `worker` is the process that runs the pipeline and is killed, `service` remembers what it served,
`evidence` and `account` evaluate the files that are left.
"""
