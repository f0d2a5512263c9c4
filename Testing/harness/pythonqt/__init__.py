"""``qt`` and ``ctk`` on PySide6, as PythonQt shows them to a module: :mod:`.shim` describes their use in tests.

* :mod:`.table`: what each class has, and :mod:`.shim`: wrappers that have that and no more. :mod:`.native`: the classes
  behind them, of which :mod:`.widgets`, :mod:`.mrml_widgets`, :mod:`.node_combo_box` (with :mod:`.node_rows`) and
  :mod:`.dialogs` are stand-ins. :mod:`.values`: values that cross the border.
* :mod:`.signals`: connections by signature. :mod:`.errors`: what a slot raises. :mod:`.loader`: files of Qt Designer.
* :mod:`.modules`: puts all of this where a module imports it from.
"""
