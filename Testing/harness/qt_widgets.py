"""Stand-ins for CTK's widgets: the properties, signals and slots of the real ones, drawn simply."""

from __future__ import annotations

import os
from typing import Any
from weakref import WeakKeyDictionary

from PySide6 import QtCore, QtGui, QtWidgets

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot


def stored(kind: Any, default: Any) -> Any:
    """Return a Qt property that only remembers its value; it has no effect on what is shown."""
    values: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
    return Property(kind, lambda self: values.get(self, default), lambda self, value: values.update({self: value}))


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A titled section that folds; its children are hidden while it is collapsed."""

    contentsCollapsed = Signal(bool)
    collapsedHeight = stored(int, 14)
    flat = stored(bool, False)
    contentsFrameShape = stored(int, 0)
    contentsFrameShadow = stored(int, 16)
    contentsLineWidth = stored(int, 1)
    contentsMidLineWidth = stored(int, 0)
    buttonTextAlignment = stored(int, 0x81)
    indicatorAlignment = stored(int, 0x81)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self._hidden: list[QtWidgets.QWidget] = []
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Preferred)
        self._set_margin()
        self.toggled.connect(lambda checked: self._set_collapsed(not checked))

    def _set_collapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        if collapsed:
            self.hide_contents()
        else:
            for child in self._hidden:
                child.setVisible(True)
            self._hidden = []
        self.setChecked(not collapsed)
        self._set_margin()
        self.updateGeometry()
        self.contentsCollapsed.emit(collapsed)

    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed)

    def hide_contents(self) -> None:
        """Hide what is not hidden yet, if the section is collapsed."""
        shown = [child for child in self._widgets() if not child.isHidden()] if self._collapsed else []
        self._hidden += shown
        for child in shown:
            child.setVisible(False)

    def event(self, event: QtCore.QEvent) -> bool:
        """Hide what was added while the section was collapsed."""
        if event.type() == QtCore.QEvent.Type.LayoutRequest:
            self.hide_contents()
        return bool(super().event(event))

    def sizeHint(self) -> QtCore.QSize:
        """Return the height of the title and of the contents."""
        contents = self.layout().sizeHint() if self.layout() and not self._collapsed else QtCore.QSize(0, 0)
        width = self.fontMetrics().horizontalAdvance(self.text()) + 40
        return QtCore.QSize(max(width, contents.width()), max(self._title_height(), contents.height()))

    minimumSizeHint = sizeHint

    def hitButton(self, position: QtCore.QPoint) -> bool:
        """Only the title is the button."""
        return bool(position.y() < self._title_height())

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the title bar: triangle and text."""
        painter = QtWidgets.QStylePainter(self)
        bar = QtCore.QRect(0, 0, self.width(), self._title_height())
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = bar
        option.state |= QtWidgets.QStyle.StateFlag.State_Raised
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, option)
        option.rect = QtCore.QRect(bar.left() + 8, bar.center().y() - 4, 9, 9)
        primitives = QtWidgets.QStyle.PrimitiveElement
        arrow = primitives.PE_IndicatorArrowRight if self._collapsed else primitives.PE_IndicatorArrowDown
        painter.drawPrimitive(arrow, option)
        painter.drawText(
            bar.adjusted(26, 0, -6, 0),
            QtCore.Qt.AlignmentFlag.AlignVCenter | QtCore.Qt.TextFlag.TextShowMnemonic,
            self.text(),
        )

    def _widgets(self) -> list[QtWidgets.QWidget]:
        return [child for child in self.children() if isinstance(child, QtWidgets.QWidget)]

    def _title_height(self) -> int:
        return self.fontMetrics().height() + 10

    def _set_margin(self) -> None:
        self.setContentsMargins(0, self._title_height(), 0, 0)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box for a real number."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    pageStep = stored(float, 1.0)
    tickInterval = stored(float, 0.0)
    tracking = stored(bool, True)
    popupSlider = stored(bool, False)
    invertedAppearance = stored(bool, False)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._box = QtWidgets.QDoubleSpinBox(self)
        row.addWidget(self._slider, 1)
        row.addWidget(self._box)
        self._box.setRange(0.0, 99.0)
        self._match_slider()
        self._slider.valueChanged.connect(self._on_slider)
        self._box.valueChanged.connect(self._on_box)

    def _on_slider(self, position: int) -> None:
        self._box.setValue(self._box.minimum() + position * self._box.singleStep())

    def _on_box(self, value: float) -> None:
        self._match_slider()
        self.valueIsChanging.emit(value)
        self.valueChanged.emit(value)

    def _match_slider(self) -> None:
        step, lowest = self._box.singleStep(), self._box.minimum()
        self._slider.blockSignals(True)
        self._slider.setRange(0, round((self._box.maximum() - lowest) / step))
        self._slider.setValue(round((self._box.value() - lowest) / step))
        self._slider.blockSignals(False)

    def _change(self, setter: str, value: Any) -> None:
        getattr(self._box, setter)(value)
        self._match_slider()

    @Slot(float)
    def setValue(self, value: float) -> None:
        """Set the value."""
        self._box.setValue(value)

    @Slot(int)
    def setDecimals(self, decimals: int) -> None:
        """Set the number of decimals shown; the value is rounded to them."""
        self._box.setDecimals(decimals)
        self.decimalsChanged.emit(decimals)

    @Slot(bool)
    def setSpinBoxVisible(self, visible: bool) -> None:
        """Show or hide the spin box."""
        self._box.setVisible(visible)

    @Slot()
    def reset(self) -> None:
        """Go back to the lowest value."""
        self._box.setValue(self._box.minimum())

    value = Property(float, lambda self: self._box.value(), setValue)
    decimals = Property(int, lambda self: self._box.decimals(), setDecimals)
    minimum = Property(float, lambda self: self._box.minimum(), lambda self, value: self._change("setMinimum", value))
    maximum = Property(float, lambda self: self._box.maximum(), lambda self, value: self._change("setMaximum", value))
    singleStep = Property(
        float, lambda self: self._box.singleStep(), lambda self, value: self._change("setSingleStep", value)
    )
    prefix = Property(str, lambda self: self._box.prefix(), lambda self, value: self._box.setPrefix(value))
    suffix = Property(str, lambda self: self._box.suffix(), lambda self, value: self._box.setSuffix(value))
    spinBoxVisible = Property(bool, lambda self: self._box.isVisibleTo(self), setSpinBoxVisible)


class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a text for the case that nothing is selected."""

    forceDefault = stored(bool, False)
    elideMode = stored(int, 3)
    scrollWheelEffect = stored(int, 1)

    defaultText = Property(str, lambda self: self.placeholderText(), lambda self, text: self.setPlaceholderText(text))

    @Slot(str)
    def setCurrentUserDataAsString(self, data: str) -> None:
        """Select the item with these data."""
        self.setCurrentIndex(self.findData(data))

    currentUserDataAsString = Property(str, lambda self: str(self.currentData() or ""), setCurrentUserDataAsString)


class ctkPathLineEdit(QtWidgets.QWidget):
    """A path to type or to browse for."""

    Dirs, Files, Drives, NoSymLinks, AllEntries = 1, 2, 4, 8, 7
    Readable, Writable, Executable, Hidden, System, NoFilter = 0x10, 0x20, 0x40, 0x100, 0x200, -1

    validInputChanged = Signal(bool)
    currentPathChanged = Signal(str)
    label = stored(str, "")
    filters = stored(int, AllEntries)
    settingKey = stored(str, "")
    showHistoryButton = stored(bool, True)
    sizeAdjustPolicy = stored(int, 2)
    minimumContentsLength = stored(int, 0)
    nameFilters = stored("QStringList", [])

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._combo = QtWidgets.QComboBox(self)
        self._combo.setEditable(True)
        self._button = QtWidgets.QToolButton(self)
        self._button.setText("...")
        row.addWidget(self._combo, 1)
        row.addWidget(self._button)
        self._path = ""
        self._valid = False
        self._combo.editTextChanged.connect(self._on_text)
        self._button.clicked.connect(self.browse)

    def _on_text(self, text: str) -> None:
        if text == self._path:
            return
        self._path = text
        valid = os.path.exists(text)
        if valid != self._valid:
            self._valid = valid
            self.validInputChanged.emit(valid)
        self.currentPathChanged.emit(text)

    def comboBox(self) -> QtWidgets.QComboBox:
        """Return the combo box with the history."""
        return self._combo

    @Slot(str)
    def setCurrentPath(self, path: str) -> None:
        """Set the path."""
        self._combo.setEditText(path)

    @Slot()
    def browse(self) -> None:
        """Ask for a path."""
        from .qt_dialogs import QFileDialog

        folders_only = self.property("filters") & 7 == self.Dirs
        ask = QFileDialog.getExistingDirectory if folders_only else QFileDialog.getOpenFileName
        path = ask(self, self.property("label"), self._path)
        if path:
            self.setCurrentPath(path)

    @Slot()
    def addCurrentPathToHistory(self) -> None:
        """Remember the path for the next time."""
        if self._combo.findText(self._path) < 0:
            self._combo.insertItem(0, self._path)

    @Slot()
    def retrieveHistory(self) -> None:
        """The history lasts as long as the widget here."""

    currentPath = Property(str, lambda self: self._path, setCurrentPath)
    showBrowseButton = Property(
        bool, lambda self: self._button.isVisibleTo(self), lambda self, shown: self._button.setVisible(shown)
    )


class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text as high as it needs to be, with details that fold out."""

    disableMouseScroll = stored(bool, False)
    showDetailsText = stored(str, "Show details...")
    hideDetailsText = stored(str, "Hide details.")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._collapsed = True

    @Slot(str)
    def setCollapsibleText(self, text: str) -> None:
        """Set the text; lines after the first are the details."""
        self._text = text
        self._show()

    setCollapsibleHtml = setCollapsiblePlainText = setCollapsibleText

    def collapsibleText(self) -> str:
        """Return the whole text."""
        return self._text

    def sizeHint(self) -> QtCore.QSize:
        """Return a size that shows all of the text."""
        height = self.document().size().height() + 2 * self.frameWidth()
        return QtCore.QSize(super().sizeHint().width(), int(height))

    def _show(self) -> None:
        first, _, rest = self._text.partition("<br>")
        more = self.property("showDetailsText" if self._collapsed else "hideDetailsText")
        shown = first if self._collapsed else self._text
        self.setHtml(f'{shown} <a href="#">{more}</a>' if rest else shown)

    def _set_collapsed(self, collapsed: bool) -> None:
        self._collapsed = collapsed
        self._show()

    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed)
