"""Models that say how likely a price is to rise, and how little that may be worth."""
