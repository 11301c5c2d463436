"""What a user can choose: every option declared once, and the settings that they make."""

from segeval.settings.asking import ArrayOptions, FileOptions, settings_of
from segeval.settings.settings import Settings

__all__ = ["ArrayOptions", "FileOptions", "Settings", "settings_of"]
