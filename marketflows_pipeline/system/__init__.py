"""What this program asks of the operating system: private files, the run lock, signals, printable text."""
