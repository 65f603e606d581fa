"""The warnings that fastreg raises."""


class ConvergenceWarning(UserWarning):
    """A fit stopped before its certified duality gap reached the target."""
