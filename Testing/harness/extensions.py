"""Stand-in for the extensions manager: which extensions are installed is the test's to say."""

from __future__ import annotations


class ExtensionsManagerModel:
    """The installed extensions, none at first; nothing is downloaded."""

    def __init__(self) -> None:
        self._installed: list[str] = []
        self._available: list[str] = []
        self.interactive = True
        self.requested: list[str] = []

    def offer(self, *names: str) -> None:
        """Let extensions be found on the server. Not in the real class."""
        self._available += names

    def isExtensionInstalled(self, extensionName: str) -> bool:
        """Return whether an extension is installed."""
        return extensionName in self._installed

    def installExtensionFromServer(self, extensionName: str, restart: bool = True, update: bool = False) -> bool:
        """Install an extension from the server; return whether it was found. Nothing is restarted here."""
        self.requested.append(extensionName)
        if extensionName not in self._available:
            return False
        self._installed.append(extensionName)
        return True
