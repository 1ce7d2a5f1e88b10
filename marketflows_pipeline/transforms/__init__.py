"""From observations to measures: frame in, frame out.

Every frame that leaves is sorted by its key and has the columns and types of the registry.
"""
