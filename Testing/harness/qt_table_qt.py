"""The table's rows for Qt: what exists in Qt 5.15 and in Qt 6, of that what panels are made of."""

from __future__ import annotations

from .qt_row import Row

_CORE_ROWS: dict[str, Row] = {
    "QObject": Row(
        "",
        "qobject.h, PythonQtStdDecorators.h",
        properties="objectName",
        signals="destroyed(QObject*) destroyed() objectNameChanged(QString)",
        # connect, disconnect, parent, children, findChild ... are PythonQt's own and written out in qt_shim.
        methods="blockSignals signalsBlocked setObjectName isWidgetType deleteLater()",
    ),
    "QTimer": Row(
        "QObject",
        "qtimer.h",
        # singleShot is a function of the class in PythonQt, not the property.
        properties="interval remainingTime timerType active",
        signals="timeout()",
        methods="start(int) start() stop() setInterval setSingleShot isSingleShot isActive setTimerType",
        statics="singleShot",
    ),
    "QSettings": Row(
        "QObject",
        "qsettings.h",
        methods="""
            value setValue contains remove clear sync allKeys childKeys childGroups beginGroup endGroup group
            fileName isWritable""",
    ),
    "QCoreApplication": Row("QObject", "qcoreapplication.h", statics="processEvents instance sendEvent"),
    "QGuiApplication": Row(
        "QCoreApplication",
        "qguiapplication.h",
        statics="setOverrideCursor restoreOverrideCursor overrideCursor clipboard keyboardModifiers",
    ),
    "QApplication": Row("QGuiApplication", "qapplication.h", statics="activeModalWidget focusWidget topLevelWidgets"),
    "QClipboard": Row("QObject", "qclipboard.h", methods="setText text clear"),
    "QFile": Row("QObject", "qfile.h", methods="exists open", enums="ReadOnly"),
    "QUiLoader": Row("QObject", "quiloader.h", methods="load"),
    "QItemSelectionModel": Row(
        "QObject",
        "qitemselectionmodel.h",
        properties="hasSelection",
        signals="""
            selectionChanged(QItemSelection,QItemSelection) currentChanged(QModelIndex,QModelIndex)
            currentRowChanged(QModelIndex,QModelIndex)""",
        methods="selectedRows clearSelection() clear() isRowSelected",
        enums="ClearAndSelect Select Rows NoUpdate",
    ),
    "QAbstractItemModel": Row("QObject", "qabstractitemmodel.h", methods="rowCount columnCount"),
    "QButtonGroup": Row(
        "QObject",
        "qbuttongroup.h",
        properties="exclusive",
        # The overloads of buttonClicked with an int are gone in Qt 6: idClicked.
        signals="""
            buttonClicked(QAbstractButton*) buttonToggled(QAbstractButton*,bool) idClicked(int) idToggled(int,bool)""",
        methods="addButton removeButton button buttons checkedButton checkedId id setId setExclusive",
    ),
    "QAction": Row(
        "QObject",
        "qaction.h",
        properties="""
            checkable checked enabled icon text iconText toolTip statusTip whatsThis font shortcut shortcutContext
            visible autoRepeat""",
        signals="changed() triggered(bool) triggered() hovered() toggled(bool)",
        methods="""
            trigger() toggle() setChecked(bool) setEnabled(bool) setDisabled(bool) setVisible(bool) setCheckable
            setText setToolTip setStatusTip setIcon setShortcut setShortcuts setShortcutContext setSeparator setData
            data isChecked isCheckable isEnabled isVisible isSeparator setMenu menu setActionGroup setAutoRepeat""",
    ),
    "QActionGroup": Row(
        "QObject",
        "qactiongroup.h",
        properties="enabled visible",
        signals="triggered(QAction*)",
        methods="addAction removeAction actions checkedAction setExclusive(bool) isExclusive",
    ),
    "QShortcut": Row(
        "QObject",
        "qshortcut.h",
        properties="key enabled autoRepeat context",
        signals="activated() activatedAmbiguously()",
        methods="setKey setEnabled setContext setAutoRepeat isEnabled",
    ),
}

_VALUE_ROWS: dict[str, Row] = {
    "QEvent": Row(
        "", "qcoreevent.h", methods="type accept ignore isAccepted", enums="KeyPress KeyRelease ShortcutOverride"
    ),
    "QKeyEvent": Row("QEvent", "qevent.h", methods="key text modifiers"),
    "QSize": Row("", "qsize.h", methods="width height setWidth setHeight isValid isEmpty"),
    "QPoint": Row("", "qpoint.h", methods="x y setX setY"),
    "QRect": Row("", "qrect.h", methods="x y width height left top right bottom topLeft center size contains"),
    "QMargins": Row("", "qmargins.h", methods="left top right bottom"),
    "QColor": Row(
        "",
        "qcolor.h",
        methods="""
            red green blue alpha redF greenF blueF alphaF name isValid setRgb setRgbF setAlpha lighter darker
            lightness""",
        statics="fromRgbF fromRgb",
        enums="HexRgb HexArgb",
    ),
    "QBrush": Row("", "qbrush.h", methods="color setColor style setStyle"),
    "QPen": Row("", "qpen.h", methods="color setColor width setWidth setWidthF"),
    "QFont": Row(
        "",
        "qfont.h",
        methods="""
            bold setBold italic setItalic pointSize setPointSize pointSizeF setPointSizeF pixelSize setPixelSize
            family setFamily weight setWeight""",
        enums="Normal Bold",
    ),
    "QPalette": Row(
        "",
        "qpalette.h",
        methods="color setColor brush setBrush",
        enums="""
            WindowText Window Base AlternateBase Text Button ButtonText BrightText Highlight HighlightedText Link
            ToolTipBase ToolTipText PlaceholderText Mid Dark Light Active Inactive Disabled""",
    ),
    "QIcon": Row("", "qicon.h", methods="isNull pixmap addFile name availableSizes"),
    "QPixmap": Row(
        "", "qpixmap.h", methods="width height size isNull fill scaled save load toImage", statics="fromImage"
    ),
    "QImage": Row("", "qimage.h", methods="width height size isNull save load scaled fill pixelColor"),
    "QPainter": Row(
        "",
        "qpainter.h",
        methods="""
            begin end setPen setBrush setRenderHint drawEllipse drawRect drawRoundedRect drawLine drawText fillRect
            drawPixmap""",
        enums="Antialiasing",
    ),
    "QCursor": Row("", "qcursor.h", methods="shape setShape pos"),
    "QUrl": Row("", "qurl.h", methods="toString toLocalFile isLocalFile isValid scheme path", statics="fromLocalFile"),
    "QDesktopServices": Row("", "qdesktopservices.h", statics="openUrl"),
    "QKeySequence": Row(
        "",
        "qkeysequence.h",
        methods="toString isEmpty count",
        enums="NativeText PortableText NextChild PreviousChild Undo Redo",
    ),
    "QSizePolicy": Row(
        "",
        "qsizepolicy.h",
        methods="""
            horizontalPolicy verticalPolicy setHorizontalPolicy setVerticalPolicy horizontalStretch
            setHorizontalStretch verticalStretch setVerticalStretch setRetainSizeWhenHidden retainSizeWhenHidden
            setHeightForWidth""",
        enums="Fixed Minimum Maximum Preferred MinimumExpanding Expanding Ignored",
    ),
    "QFontMetrics": Row("", "qfontmetrics.h", methods="height horizontalAdvance lineSpacing boundingRect"),
    "QModelIndex": Row("", "qabstractitemmodel.h", methods="row column isValid data"),
    "QItemSelection": Row("", "qitemselectionmodel.h", methods="indexes"),
    "QTableWidgetSelectionRange": Row("", "qtablewidget.h", methods="topRow bottomRow leftColumn rightColumn rowCount"),
    "QTableWidgetItem": Row(
        "",
        "qtablewidget.h",
        methods="""
            text setText data setData flags setFlags checkState setCheckState toolTip setToolTip icon setIcon
            background setBackground foreground setForeground font setFont textAlignment setTextAlignment row column
            tableWidget isSelected setSelected statusTip setStatusTip whatsThis setWhatsThis sizeHint setSizeHint
            clone type""",
        enums="Type UserType",
    ),
    "QLayoutItem": Row("", "qlayoutitem.h", methods="widget layout spacerItem alignment setAlignment"),
    "QSpacerItem": Row("QLayoutItem", "qlayoutitem.h", methods="changeSize sizePolicy"),
    "QWidgetItem": Row("QLayoutItem", "qlayoutitem.h"),
    "QDir": Row(
        "",
        "qdir.h",
        methods="path absolutePath exists mkpath filePath cd",
        statics="homePath tempPath toNativeSeparators fromNativeSeparators isAbsolutePath",
    ),
    "QFileInfo": Row("", "qfileinfo.h", methods="absoluteFilePath exists fileName baseName suffix path"),
    "QLocale": Row("", "qlocale.h", methods="toString", enums="English UnitedStates"),
    "QDateTime": Row("", "qdatetime.h", methods="toString", statics="currentDateTime"),
    "Qt": Row(
        "",
        "qnamespace.h",
        enums="""
            AlignLeft AlignRight AlignHCenter AlignJustify AlignTop AlignBottom AlignVCenter AlignCenter
            AlignBaseline Horizontal Vertical Checked Unchecked PartiallyChecked AscendingOrder DescendingOrder
            DisplayRole EditRole UserRole ToolTipRole DecorationRole TextAlignmentRole BackgroundRole ForegroundRole
            CheckStateRole FontRole AccessibleTextRole StatusTipRole NoItemFlags ItemIsSelectable ItemIsEditable
            ItemIsEnabled ItemIsUserCheckable TextSelectableByMouse TextSelectableByKeyboard TextBrowserInteraction
            LinksAccessibleByMouse LinksAccessibleByKeyboard NoTextInteraction PlainText RichText AutoText
            MarkdownText WaitCursor BusyCursor ArrowCursor CrossCursor PointingHandCursor ApplicationModal
            WindowModal NonModal NoFocus StrongFocus TabFocus ClickFocus WheelFocus ElideLeft ElideRight ElideMiddle
            ElideNone ScrollBarAsNeeded ScrollBarAlwaysOff ScrollBarAlwaysOn ToolButtonIconOnly ToolButtonTextOnly
            ToolButtonTextBesideIcon ToolButtonTextUnderIcon NoArrow UpArrow DownArrow LeftArrow RightArrow
            WidgetShortcut WidgetWithChildrenShortcut WindowShortcut ApplicationShortcut Key_Up Key_Down Key_Left
            Key_Right Key_Escape Key_Return Key_Enter Key_Space Key_Delete Key_A Key_N Key_P Key_R NoModifier
            ShiftModifier ControlModifier AltModifier LeftButton RightButton KeepAspectRatio IgnoreAspectRatio
            SmoothTransformation FastTransformation transparent white black red green blue gray yellow NoPen
            SolidLine NoBrush SolidPattern Dialog Window WA_DeleteOnClose CustomContextMenu ActionsContextMenu
            DefaultContextMenu NoContextMenu LeftToRight RightToLeft MatchExactly MatchContains""",
    ),
}


QT_ROWS: dict[str, Row] = {**_CORE_ROWS, **_VALUE_ROWS}
"""Class name to its row."""
