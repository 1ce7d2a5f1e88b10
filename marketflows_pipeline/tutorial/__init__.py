"""The tutorial: a run on packaged figures, offline, whose result is known."""
