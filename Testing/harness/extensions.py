"""Stand-in for the extensions manager: which extensions are installed is the test's to say."""

from __future__ import annotations


class ExtensionsManagerModel:
    """The installed extensions, none at first; nothing is downloaded."""

    def __init__(self) -> None:
        self._installed: list[str] = []
        self.interactive = True
        self.requested: list[str] = []

    def isExtensionInstalled(self, extensionName: str) -> bool:
        return extensionName in self._installed

    def installExtensionFromServer(self, extensionName: str, restart: bool = True, update: bool = False) -> bool:
        """Ask the server for an extension; return whether it was found, which it never is here."""
        self.requested.append(extensionName)
        return False
