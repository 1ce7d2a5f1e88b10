"""The S3 service that published files are uploaded to and read from: objects, their names, and which of them stay."""
