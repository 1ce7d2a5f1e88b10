"""What the pipeline asks of a service, one protocol module a part."""
