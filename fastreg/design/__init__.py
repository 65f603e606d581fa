"""How X is stored: the only layer that knows dense from sparse."""
