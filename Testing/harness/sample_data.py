"""Stand-in for the module ``SampleData``: registered sources, their files, and what its buttons do.

Written after the behaviour of the real one. It reaches local files only, and raises on any other address, so that a
test that passes has not used the network. What differs between releases: ``registerCustomSampleDataCategory`` exists
from Slicer 5.12 on.
"""

from __future__ import annotations

import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import slicer
import vtk


class SampleDataSource:
    """A sample: what to load from where; one entry a file in each list."""

    def __init__(
        self,
        sampleName: str,
        uris: list[str],
        fileNames: list[str],
        nodeNames: list[str],
        checksums: list[str],
        loadFileTypes: list[str],
        customDownloader: Callable[[Any], None] | None,
        thumbnailFileName: str,
    ) -> None:
        lists = (uris, fileNames, nodeNames, checksums, loadFileTypes)
        if not all(isinstance(entry, list) and all(isinstance(text, str) for text in entry) for entry in lists):
            raise TypeError("Sample data of several files is described by lists of strings.")
        if len({len(entry) for entry in lists}) != 1:
            raise ValueError("All fields of a sample data source must have the same length.")
        if not os.path.isfile(thumbnailFileName):
            raise ValueError(f"The thumbnail {thumbnailFileName!r} is missing: the button would have no picture.")
        self.sampleName = sampleName
        self.sampleDescription = sampleName
        self.uris, self.fileNames, self.nodeNames = uris, fileNames, nodeNames
        self.checksums, self.loadFileTypes = checksums, loadFileTypes
        self.customDownloader = customDownloader
        self.thumbnailFileName = thumbnailFileName


class SampleDataLogic510:
    """The logic as it is in Slicer 5.10; ``slicer.modules`` holds the sources."""

    @staticmethod
    def registerCustomSampleDataSource(category: str = "Custom", **description: Any) -> None:
        """Add a sample to a category, which is made if it is new."""
        _categories().setdefault(category, []).append(SampleDataSource(**description))

    @staticmethod
    def sampleDataSourcesByCategory(category: str) -> list[SampleDataSource]:
        return _categories().get(category, [])

    @staticmethod
    def categoryTitle(category: str) -> str:
        """Return the heading of a category. Not in Slicer 5.10, whose panel shows the name."""
        return str(getattr(slicer.modules, "sampleDataSourceCategories", {}).get(category, {}).get("title", category))

    def downloadSamples(self, sampleName: str) -> list[Any]:
        """Load a sample by its name, without its custom downloader, as the real one does."""
        named = [s for sources in _categories().values() for s in sources if s.sampleName == sampleName]
        return self.downloadFromSource(named[0]) if named else []

    def downloadFromSource(self, source: SampleDataSource) -> list[Any]:
        """Copy the files of a sample into the cache, verify and load them, and return the nodes."""
        nodes = []
        for uri, file_name, node_name, checksum, file_type in zip(
            source.uris, source.fileNames, source.nodeNames, source.checksums, source.loadFileTypes, strict=True
        ):
            path = self.downloadFileIntoCache(uri, file_name, checksum)
            node = self.loadNode(path, node_name, file_type) if os.path.exists(path) else None
            if node is not None:
                nodes.append(node)
        return nodes

    def downloadFileIntoCache(self, uri: str, name: str, checksum: str) -> str:
        """Return the path of a file in the cache, copied there if its checksum differs; a wrong copy is removed."""
        if urllib.parse.urlparse(uri).scheme != "file":
            raise RuntimeError(f"The headless Slicer has no network, and so cannot get {uri}.")
        path = os.path.join(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory(), name)
        algorithm, digest = slicer.util.extractAlgoAndDigest(checksum)
        if os.path.exists(path) and slicer.util.computeChecksum(algorithm, path) == digest:
            return path
        urllib.request.urlretrieve(uri, path)
        if slicer.util.computeChecksum(algorithm, path) != digest:
            os.remove(path)
        return path

    def loadNode(self, uri: str, name: str, fileType: str) -> Any:
        """Load a file and forget where it was."""
        nodes = vtk.vtkCollection()
        if not slicer.app.coreIOManager().loadNodes(fileType, {"fileName": uri, "name": name}, nodes):
            return None
        node = nodes.GetItemAsObject(0)
        slicer.mrmlScene.RemoveNode(node.GetStorageNode())
        return node


class SampleDataLogic(SampleDataLogic510):
    """The logic as it is from Slicer 5.12 on."""

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        """Give a category a heading in the language of the application."""
        if not isinstance(title, str):
            raise TypeError(f"The title of a category is text, not {title!r}.")
        if not hasattr(slicer.modules, "sampleDataSourceCategories"):
            slicer.modules.sampleDataSourceCategories = {}
        slicer.modules.sampleDataSourceCategories.setdefault(category, {})["title"] = title


def press(source: SampleDataSource) -> None:
    """Press the button of a sample in the module's panel."""
    if source.customDownloader is not None:
        source.customDownloader(source)
    else:
        SampleDataLogic().downloadFromSource(source)


@contextmanager
def installed(logic: type[SampleDataLogic510] = SampleDataLogic) -> Iterator[None]:
    """Make the module importable, with the logic of one release."""
    module, before = ModuleType("SampleData"), sys.modules.get("SampleData")
    module.SampleDataLogic = logic  # type: ignore[attr-defined]
    sys.modules["SampleData"] = module
    try:
        yield
    finally:
        del sys.modules["SampleData"]
        if before is not None:
            sys.modules["SampleData"] = before


def _categories() -> dict[str, list[SampleDataSource]]:
    if not hasattr(slicer.modules, "sampleDataSources"):
        slicer.modules.sampleDataSources = {}
    categories: dict[str, list[SampleDataSource]] = slicer.modules.sampleDataSources
    return categories
