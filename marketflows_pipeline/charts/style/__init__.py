"""The look that all charts share: theme, font, page frame, axes, end labels, heatmap, wording."""
