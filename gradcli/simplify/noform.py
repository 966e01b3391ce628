"""What is raised where an op has no formula."""


class NoForm(Exception):
    """An internal op that has no public composition."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
