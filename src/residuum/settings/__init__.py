"""Every setting declared once; recipes; from what was asked for to a run's settings."""

from .reading import Asked, parse_setting, read_asked
from .settle import Machine, Settled, settle
from .table import SETTINGS, Settings

__all__ = ["SETTINGS", "Asked", "Machine", "Settings", "Settled", "parse_setting", "read_asked", "settle"]
