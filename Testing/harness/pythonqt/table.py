"""The hand-checked table of what the widgets of the application really have, as far as this project uses it.

PythonQt shows Python the properties, signals and slots of a class, and of Qt's own classes their other public
functions, too. A stand-in has what its row of ``QT_TABLE`` lists and nothing else, so that code which runs here does
not meet an ``AttributeError`` in the application. To use something new, look it up in the header that the row names
and add it to the row.

* Classes of Qt: what exists in Qt 5.15 *and* in Qt 6, since Slicer is built with either. Tests hold the rows to
  PySide6, ``check_against_real.py`` to Qt 5.15 (``qt5``) and to the functions that PythonQt shows (``pythonqt``).
* Classes of CTK and Slicer: properties, signals, and of the functions only public slots and those marked
  ``Q_INVOKABLE``; PythonQt does not see the others (``ctkSliderWidget.setRange`` is one of those).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property


@dataclass(frozen=True)
class Row:
    """What one class adds to its base class; names in a string, separated by white space.

    Attributes:
        base: Name of the base class, empty for a class without one in the table.
        header: The header that the row was checked against.
        properties: Properties. An attribute in PythonQt: ``w.text``, never ``w.text()``.
        signals: Signals with their full signature, in the order of the header.
        methods: Functions of an instance. Slots with their full signature can be connected to in a .ui file.
        statics: Functions of the class.
        enums: Enumerators of the class, ``QSizePolicy.Expanding``.
    """

    base: str
    header: str
    properties: str = ""
    signals: str = ""
    methods: str = ""
    statics: str = ""
    enums: str = ""

    @cached_property
    def property_names(self) -> frozenset[str]:
        """The properties, one by one."""
        return frozenset(self.properties.split())

    @cached_property
    def signal_signatures(self) -> tuple[str, ...]:
        """The signals, one by one, in the order of the header."""
        return tuple(self.signals.split())

    @cached_property
    def method_names(self) -> frozenset[str]:
        """The functions, without their signatures."""
        return frozenset(name.partition("(")[0] for name in self.methods.split())

    @cached_property
    def slot_signatures(self) -> frozenset[str]:
        """The functions that a .ui file can connect to."""
        return frozenset(name for name in self.methods.split() if "(" in name)

    @cached_property
    def static_names(self) -> frozenset[str]:
        """The functions of the class, one by one."""
        return frozenset(self.statics.split())

    @cached_property
    def enum_names(self) -> frozenset[str]:
        """The enumerators, one by one."""
        return frozenset(self.enums.split())


def _rows(text: str) -> dict[str, Row]:
    """Read a table: for every class ``name < base: header``, and indented what each kind of names has."""
    rows = {}
    lines = re.sub(r"\n +#.*", "", text)
    for block in re.split(r"\n(?=\S)", lines.strip()):
        first, *parts = re.split(r"\n    (?=\w)", block)
        title, _, header = first.partition(": ")
        name, _, base = title.partition(" < ")
        rows[name] = Row(base, header, **dict(part.split(maxsplit=1) for part in parts))
    return rows


QT_TABLE = _rows("""
QObject: qobject.h, PythonQtStdDecorators.h
    properties objectName
    signals destroyed(QObject*) destroyed()
    methods blockSignals setObjectName isWidgetType deleteLater()
QTimer < QObject: qtimer.h
    properties interval active
    signals timeout()
    methods start(int) start() stop() setInterval setSingleShot isActive
    statics singleShot
QSettings < QObject: qsettings.h
    methods value setValue contains remove clear allKeys group fileName
QCoreApplication < QObject: qcoreapplication.h
    statics processEvents instance
QGuiApplication < QCoreApplication: qguiapplication.h
    statics setOverrideCursor restoreOverrideCursor overrideCursor
QApplication < QGuiApplication: qapplication.h
    statics topLevelWidgets
QFile < QObject: qfile.h
    methods exists open
    enums ReadOnly
QUiLoader < QObject: quiloader.h
    methods load
QAction < QObject: qaction.h
    properties checkable checked enabled icon text toolTip font shortcut visible
    signals changed() triggered(bool) triggered() toggled(bool)
    methods trigger() setVisible(bool) setText setToolTip setData data isChecked isVisible menu
QShortcut < QObject: qshortcut.h
    properties key enabled context
    signals activated()
    methods setKey setContext
QSize: qsize.h
    methods width height isValid isEmpty
QColor: qcolor.h
    methods red green blue name isValid darker lightness
QBrush: qbrush.h
    methods color style
QFont: qfont.h
    methods bold pointSizeF setPointSizeF family weight
    enums Bold
QPalette: qpalette.h
    methods color brush
    enums Window Base Text Button Link Light
QIcon: qicon.h
    methods pixmap name availableSizes
QFontMetrics: qfontmetrics.h
    methods height lineSpacing
QImage: qimage.h
    methods width height size save load scaled fill
QCursor: qcursor.h
    methods shape
QKeySequence: qkeysequence.h
    methods toString isEmpty count
    enums Undo Redo
QSizePolicy: qsizepolicy.h
    methods horizontalPolicy
    enums Fixed Preferred MinimumExpanding Expanding Ignored
QLayoutItem: qlayoutitem.h
    methods widget
QWidgetItem < QLayoutItem: qlayoutitem.h
QTableWidgetItem: qtablewidget.h
    methods text setText data setData flags setFlags toolTip setToolTip icon background setBackground foreground
        setForeground font setFont setTextAlignment row column tableWidget isSelected sizeHint clone type
    enums Type
Qt: qnamespace.h
    enums AlignLeft AlignRight AlignTop AlignVCenter Horizontal Vertical Checked UserRole ItemIsSelectable
        ItemIsEditable ItemIsEnabled TextSelectableByMouse PlainText WaitCursor ApplicationModal ScrollBarAlwaysOn
        WidgetShortcut WidgetWithChildrenShortcut WindowShortcut NoModifier transparent white black red green blue
        yellow Window
QWidget < QObject: qwidget.h
    properties modal windowModality enabled geometry x y size width height rect sizePolicy minimumSize minimumWidth
        palette font cursor focus visible sizeHint windowTitle toolTip
    methods setVisible(bool) show() hide() close() update() repaint() raise() lower() setFocus() isVisible isHidden
        setToolTip setFont setMinimumHeight setSizePolicy resize move setContentsMargins setLayout layout
        parentWidget window actions grab style fontMetrics isAncestorOf activateWindow
QFrame < QWidget: qframe.h
    enums Panel
QLabel < QFrame: qlabel.h
    properties text textFormat pixmap alignment wordWrap margin indent textInteractionFlags
    methods setText(QString) setPixmap(QPixmap) clear() setAlignment setTextInteractionFlags
QAbstractButton < QWidget: qabstractbutton.h
    properties text icon shortcut checkable checked down
    signals pressed() released() clicked(bool) clicked() toggled(bool)
    methods click() setText isChecked group
QPushButton < QAbstractButton: qpushbutton.h
    properties default flat
    methods menu setMenu
QMenu < QWidget: qmenu.h
    methods addAction clear
QCheckBox < QAbstractButton: qcheckbox.h
    signals stateChanged(int)
QRadioButton < QAbstractButton: qradiobutton.h
QComboBox < QWidget: qcombobox.h
    properties editable count currentText currentIndex sizeAdjustPolicy minimumContentsLength frame
    signals activated(int) currentIndexChanged(int)
    methods clear() setCurrentIndex(int) setCurrentText(QString) addItem addItems removeItem itemText findText model
        view
    enums AdjustToMinimumContentsLengthWithIcon
QAbstractSpinBox < QWidget: qabstractspinbox.h
    properties frame alignment specialValueText text
    methods clear() setAlignment
QSpinBox < QAbstractSpinBox: qspinbox.h
    properties suffix prefix minimum maximum singleStep value
    signals valueChanged(int)
    methods setValue(int) setRange setMinimum
QDoubleSpinBox < QAbstractSpinBox: qspinbox.h
    properties prefix suffix decimals minimum maximum singleStep value
    signals valueChanged(double)
    methods setValue(double) setRange setMinimum
QLineEdit < QWidget: qlineedit.h
    properties text frame alignment modified
    methods setText(QString) clear()
QAbstractSlider < QWidget: qabstractslider.h
    properties minimum maximum value
QScrollBar < QAbstractSlider: qscrollbar.h
QProgressBar < QWidget: qprogressbar.h
    properties minimum maximum text value alignment orientation format
    signals valueChanged(int)
    methods reset() setRange(int,int) setMinimum(int) setValue(int)
QMainWindow < QWidget: qmainwindow.h
    methods statusBar
QStatusBar < QWidget: qstatusbar.h
    methods showMessage(QString,int)
QAbstractScrollArea < QFrame: qabstractscrollarea.h
    properties sizeAdjustPolicy
    methods setVerticalScrollBarPolicy viewport horizontalScrollBar
QAbstractItemView < QAbstractScrollArea: qabstractitemview.h
    properties editTriggers tabKeyNavigation selectionMode selectionBehavior horizontalScrollMode
    signals pressed(QModelIndex) clicked(QModelIndex) activated(QModelIndex)
    methods clearSelection() setSelectionBehavior model currentIndex sizeHintForColumn
    enums NoEditTriggers SingleSelection SelectRows ScrollPerPixel
QTableView < QAbstractItemView: qtableview.h
    properties wordWrap
    methods selectRow(int) horizontalHeader verticalHeader setRowHidden isRowHidden setColumnHidden isColumnHidden
        columnWidth
QTableWidget < QTableView: qtablewidget.h
    properties rowCount columnCount
    signals cellClicked(int,int) currentCellChanged(int,int,int,int)
    methods clear() setRowCount setColumnCount item setItem row column currentRow setCurrentCell
        setHorizontalHeaderLabels horizontalHeaderItem selectedItems itemAt
QHeaderView < QAbstractItemView: qheaderview.h
    properties highlightSections minimumSectionSize
    signals sectionClicked(int)
    methods setSectionResizeMode count length
    enums Fixed Stretch ResizeToContents
QDialog < QWidget: qdialog.h
    properties modal
    signals finished(int) accepted() rejected()
    methods accept() reject() done(int) open() exec() result
    enums Accepted
QProgressDialog < QDialog: qprogressdialog.h
    properties wasCanceled minimum maximum autoReset autoClose minimumDuration labelText value
    methods cancel() reset() setMinimum(int) setRange(int,int) setValue(int)
QMessageBox < QDialog: qmessagebox.h
    properties text icon textFormat standardButtons detailedText informativeText textInteractionFlags
    methods setText setStandardButtons addButton button buttons clickedButton standardButton
    statics information question warning critical
    enums NoButton Ok Cancel Yes No Save Close Retry Discard Apply Help Reset Information Warning Critical Question
        AcceptRole ActionRole
QFileDialog < QDialog: qfiledialog.h
    statics getSaveFileName
QLayout < QObject: qlayout.h
    properties spacing
    methods addWidget removeItem itemAt count setContentsMargins setSpacing setAlignment parentWidget activate
        isEmpty addItem
QBoxLayout < QLayout: qboxlayout.h
    methods stretch
QVBoxLayout < QBoxLayout: qboxlayout.h
QHBoxLayout < QBoxLayout: qboxlayout.h
QFormLayout < QLayout: qformlayout.h
    properties fieldGrowthPolicy horizontalSpacing verticalSpacing
    methods addRow setLayout rowCount
    enums AllNonFixedFieldsGrow
QGridLayout < QLayout: qgridlayout.h
    methods rowCount columnCount
ctkCollapsibleButton < QAbstractButton: CTK Libs/Widgets/ctkCollapsibleButton.h
    properties collapsed
    signals contentsCollapsed(bool)
ctkSliderWidget < QWidget: CTK Libs/Widgets/ctkSliderWidget.h
    properties decimals singleStep pageStep minimum maximum value spinBoxVisible
    signals valueChanged(double)
    methods setValue(double)
ctkMessageBox < QMessageBox: CTK Libs/Widgets/ctkMessageBox.h
qMRMLWidget < QWidget: Slicer Libs/MRML/Widgets/qMRMLWidget.h
    signals mrmlSceneChanged(vtkMRMLScene*)
    methods mrmlScene setMRMLScene(vtkMRMLScene*)
qMRMLNodeComboBox < QWidget: Slicer Libs/MRML/Widgets/qMRMLNodeComboBox.h
    properties nodeTypes showChildNodeTypes hideChildNodeTypes noneEnabled addEnabled removeEnabled noneDisplay
        sizeAdjustPolicy
    signals currentNodeChanged(vtkMRMLNode*) nodeActivated(vtkMRMLNode*) currentNodeChanged(bool)
    # No setNoneEnabled and its like: they are neither slots nor invokable.
    methods mrmlScene nodeCount nodeFromIndex currentNode setMRMLScene(vtkMRMLScene*) setCurrentNode(vtkMRMLNode*)
        setCurrentNodeID(QString)
qSlicerScriptedLoadableModuleWidget < QWidget: Slicer Base/QTGUI/qSlicerScriptedLoadableModuleWidget.h
    properties moduleName isEntered
    signals mrmlSceneChanged(vtkMRMLScene*)
    methods reload self enter exit setMRMLScene(vtkMRMLScene*)
qSlicerMainWindow < QMainWindow: Slicer Base/QTApp/qSlicerMainWindow.h
""")
"""Class name to its row."""


def lineage(class_name: str) -> list[Row]:
    """Return the row of a class and those of its base classes, the class itself first."""
    rows = []
    while class_name:
        rows.append(QT_TABLE[class_name])
        class_name = rows[-1].base
    return rows


@cache
def properties_of(class_name: str) -> frozenset[str]:
    """Return all properties of a class, those of its base classes included."""
    return frozenset().union(*(row.property_names for row in lineage(class_name)))


@cache
def signals_of(class_name: str) -> tuple[str, ...]:
    """Return the signatures of all signals of a class, its own first."""
    return tuple(signature for row in lineage(class_name) for signature in row.signal_signatures)


@cache
def slots_of(class_name: str) -> frozenset[str]:
    """Return the signatures of the functions that a .ui file can connect to."""
    return frozenset().union(*(row.slot_signatures for row in lineage(class_name)))
