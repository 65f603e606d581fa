"""The border: the user's arrays checked and turned into one well-scaled problem."""
