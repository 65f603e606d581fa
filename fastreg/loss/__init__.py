"""Terms of the objective that act on the predictions."""
