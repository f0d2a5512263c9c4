"""Stand-ins for CTK's widgets: the properties, signals and slots of the real ones, drawn simply."""

from __future__ import annotations

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

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self._most = self.maximumHeight()
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
            self._most = self.maximumHeight()
            self.setMaximumHeight(self.sizeHint().height())
            self.hide_contents()
        else:
            self.setMaximumHeight(self._most)
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
    pageStep = stored(float, 1.0)

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
        self._box.setValue(value)

    value = Property(float, lambda self: self._box.value(), setValue)
    decimals = Property(int, lambda self: self._box.decimals(), lambda self, value: self._box.setDecimals(value))
    minimum = Property(float, lambda self: self._box.minimum(), lambda self, value: self._change("setMinimum", value))
    maximum = Property(float, lambda self: self._box.maximum(), lambda self, value: self._change("setMaximum", value))
    singleStep = Property(
        float, lambda self: self._box.singleStep(), lambda self, value: self._change("setSingleStep", value)
    )
    spinBoxVisible = Property(
        bool, lambda self: self._box.isVisibleTo(self), lambda self, visible: self._box.setVisible(visible)
    )
