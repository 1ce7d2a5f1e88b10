"""A month of hourly runs in minutes: against a stand-in of the service, on simulated time, with faults and kills.

`life` drives, `worker` is the process that lives it and is killed, `service` answers and remembers what it served,
`evidence` and `account` judge what is left.
"""
