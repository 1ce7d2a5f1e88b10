"""VIX and VIX3M from Cboe and FRED."""
