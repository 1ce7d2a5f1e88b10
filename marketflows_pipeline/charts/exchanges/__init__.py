"""Charts of the exchange part: reserves, market shares, concentration, whale signals, rankings."""
