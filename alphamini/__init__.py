"""alphamini: the AlphaGo path, small and complete."""

__version__ = "0.1.0"
