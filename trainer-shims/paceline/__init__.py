"""What a trainer imports to speak to a Paceline server."""

from .client import Client, Failure, Group, Kept, Many, Result
from .errors import PacelineError

__all__ = ["Client", "Failure", "Group", "Kept", "Many", "PacelineError", "Result"]
