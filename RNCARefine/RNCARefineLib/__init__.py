"""The Slicer side of RNCARefine: what stands between the application and the engine, :mod:`rncarefine`.

* :mod:`.mrml`: nodes become arrays and arrays become nodes; it imports ``slicer``, but no ``qt``.
* :mod:`.panel`: the module's panel, the effect's options, dialogs; only here ``qt`` is imported.
"""

from slicer.i18n import tr

from rncarefine.report.sentences import use_translation

use_translation(tr)  # what the engine says is shown in the application's language
