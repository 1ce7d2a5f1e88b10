"""Models that say how likely a price is to rise, and how little that may be worth.

What belongs here: features, labels, walk-forward evaluation, calibration, storing and scoring. Frames and arrays in,
frames and arrays out. What does not: the clock, the environment, the warehouse, the graph, pictures.
"""
