"""Charts of rotations, the same for every part that has them."""
