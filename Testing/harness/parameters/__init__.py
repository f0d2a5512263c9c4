"""``slicer.parameterNodeWrapper``: the wrapper (``node``), its values (``values``) and its connections (``gui``)."""
