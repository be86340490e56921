"""What a trainer imports to speak to a Paceline server."""

from .client import Client, PacelineError, Result

__all__ = ["Client", "PacelineError", "Result"]
