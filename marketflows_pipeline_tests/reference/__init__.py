"""Agreement with the published marketflows package, which runs in an environment of its own.

The package is GPL: it is installed and called from outside, by a script in another process, and never imported here.
"""
