"""From chart to PNG file: worker processes, the manifest of what was drawn, atomic writes."""
