"""The table's rows for Qt's widgets and layouts."""

from __future__ import annotations

from .qt_row import Row

_BASIC: dict[str, Row] = {
    "QWidget": Row(
        "QObject",
        "qwidget.h",
        properties="""
            modal windowModality enabled geometry x y pos size width height rect sizePolicy minimumSize maximumSize
            minimumWidth minimumHeight maximumWidth maximumHeight palette font cursor mouseTracking focusPolicy
            focus contextMenuPolicy updatesEnabled visible sizeHint minimumSizeHint windowTitle windowIcon toolTip
            toolTipDuration statusTip whatsThis accessibleName accessibleDescription layoutDirection
            autoFillBackground styleSheet baseSize""",
        signals="windowTitleChanged(QString) windowIconChanged(QIcon) customContextMenuRequested(QPoint)",
        methods="""
            setEnabled(bool) setDisabled(bool) setVisible(bool) setHidden(bool) show() hide() close() update()
            repaint() raise() lower() setFocus() setWindowTitle(QString) setWindowModified(bool)
            setStyleSheet(QString) showNormal() isEnabled isEnabledTo isVisible isVisibleTo isHidden isWindow
            setToolTip setStatusTip setWhatsThis setAccessibleName setAccessibleDescription setFont setPalette
            setCursor unsetCursor setFocusPolicy hasFocus clearFocus setFocusProxy focusProxy setMinimumSize
            setMaximumSize setMinimumWidth setMinimumHeight setMaximumWidth setMaximumHeight setFixedSize
            setFixedWidth setFixedHeight setSizePolicy resize move adjustSize updateGeometry setGeometry
            setContentsMargins contentsMargins setLayout layout parentWidget window childAt addAction addActions
            removeAction actions setWindowModality setAttribute grab style setWindowIcon fontMetrics ensurePolished
            setContextMenuPolicy mapToGlobal mapFromGlobal setTabOrder setAutoFillBackground setLayoutDirection
            setUpdatesEnabled nextInFocusChain isAncestorOf activateWindow""",
    ),
    "QFrame": Row(
        "QWidget",
        "qframe.h",
        properties="frameShape frameShadow lineWidth midLineWidth frameWidth frameRect",
        methods="setFrameShape setFrameShadow setFrameStyle frameStyle setLineWidth setMidLineWidth",
        enums="NoFrame Box Panel HLine VLine StyledPanel Plain Raised Sunken",
    ),
    "QLabel": Row(
        "QFrame",
        "qlabel.h",
        properties="""
            text textFormat pixmap scaledContents alignment wordWrap margin indent openExternalLinks
            textInteractionFlags hasSelectedText selectedText""",
        signals="linkActivated(QString) linkHovered(QString)",
        methods="""
            setText(QString) setPixmap(QPixmap) setNum(int) clear() setAlignment setWordWrap setTextFormat setBuddy
            buddy setOpenExternalLinks setTextInteractionFlags setMargin setIndent setScaledContents""",
    ),
    "QAbstractButton": Row(
        "QWidget",
        "qabstractbutton.h",
        properties="""
            text icon iconSize shortcut checkable checked autoRepeat autoExclusive autoRepeatDelay
            autoRepeatInterval down""",
        signals="pressed() released() clicked(bool) clicked() toggled(bool)",
        methods="""
            setIconSize(QSize) animateClick() click() toggle() setChecked(bool) setText setIcon setShortcut
            setCheckable setDown setAutoRepeat setAutoExclusive isChecked isCheckable isDown group""",
    ),
    "QPushButton": Row(
        "QAbstractButton",
        "qpushbutton.h",
        properties="autoDefault default flat",
        methods="showMenu() setMenu menu setDefault setAutoDefault setFlat isFlat isDefault",
    ),
    "QToolButton": Row(
        "QAbstractButton",
        "qtoolbutton.h",
        properties="popupMode toolButtonStyle autoRaise arrowType",
        signals="triggered(QAction*)",
        methods="""
            showMenu() setToolButtonStyle(Qt::ToolButtonStyle) setDefaultAction(QAction*) defaultAction setMenu menu
            setPopupMode setAutoRaise setArrowType""",
        enums="DelayedPopup MenuButtonPopup InstantPopup",
    ),
    "QCheckBox": Row(
        "QAbstractButton",
        "qcheckbox.h",
        properties="tristate",
        signals="stateChanged(int)",
        methods="checkState setCheckState setTristate isTristate",
    ),
    "QRadioButton": Row("QAbstractButton", "qradiobutton.h"),
    "QGroupBox": Row(
        "QWidget",
        "qgroupbox.h",
        properties="title alignment flat checkable checked",
        signals="clicked(bool) clicked() toggled(bool)",
        methods="setChecked(bool) setTitle setCheckable setFlat setAlignment isChecked isCheckable isFlat",
    ),
    "QComboBox": Row(
        "QWidget",
        "qcombobox.h",
        properties="""
            editable count currentText currentIndex currentData maxVisibleItems maxCount insertPolicy
            sizeAdjustPolicy minimumContentsLength iconSize placeholderText duplicatesEnabled frame modelColumn""",
        # The overloads with a QString are gone in Qt 6: currentTextChanged.
        signals="""
            editTextChanged(QString) activated(int) textActivated(QString) highlighted(int) currentIndexChanged(int)
            currentTextChanged(QString)""",
        methods="""
            clear() setCurrentIndex(int) setCurrentText(QString) setEditText(QString) clearEditText() addItem
            addItems insertItem insertItems removeItem insertSeparator itemText itemData itemIcon setItemText
            setItemData setItemIcon findText findData setEditable setSizeAdjustPolicy setMinimumContentsLength
            showPopup hidePopup lineEdit model view setMaxVisibleItems""",
        enums="AdjustToContents AdjustToContentsOnFirstShow AdjustToMinimumContentsLengthWithIcon NoInsert",
    ),
    "QAbstractSpinBox": Row(
        "QWidget",
        "qabstractspinbox.h",
        properties="""
            wrapping frame alignment readOnly buttonSymbols specialValueText text accelerated correctionMode
            acceptableInput keyboardTracking showGroupSeparator""",
        signals="editingFinished()",
        methods="""
            stepUp() stepDown() selectAll() clear() setReadOnly setAlignment setKeyboardTracking setSpecialValueText
            setWrapping setButtonSymbols interpretText""",
        enums="UpDownArrows PlusMinus NoButtons",
    ),
    "QSpinBox": Row(
        "QAbstractSpinBox",
        "qspinbox.h",
        properties="suffix prefix cleanText minimum maximum singleStep value displayIntegerBase stepType",
        signals="valueChanged(int) textChanged(QString)",
        methods="setValue(int) setRange setMinimum setMaximum setSingleStep setSuffix setPrefix",
    ),
    "QDoubleSpinBox": Row(
        "QAbstractSpinBox",
        "qspinbox.h",
        properties="prefix suffix cleanText decimals minimum maximum singleStep value stepType",
        signals="valueChanged(double) textChanged(QString)",
        methods="setValue(double) setRange setMinimum setMaximum setSingleStep setDecimals setSuffix setPrefix",
    ),
    "QAbstractSlider": Row(
        "QWidget",
        "qabstractslider.h",
        properties="""
            minimum maximum singleStep pageStep value sliderPosition tracking orientation invertedAppearance
            invertedControls sliderDown""",
        signals="valueChanged(int) sliderPressed() sliderMoved(int) sliderReleased() rangeChanged(int,int)",
        methods="setValue(int) setOrientation(Qt::Orientation) setRange(int,int) setMinimum setMaximum setSingleStep",
    ),
    "QSlider": Row(
        "QAbstractSlider",
        "qslider.h",
        properties="tickPosition tickInterval",
        enums="NoTicks TicksAbove TicksBelow TicksBothSides",
    ),
    "QScrollBar": Row("QAbstractSlider", "qscrollbar.h"),
    "QLineEdit": Row(
        "QWidget",
        "qlineedit.h",
        properties="""
            inputMask text maxLength frame echoMode displayText cursorPosition alignment modified hasSelectedText
            selectedText dragEnabled readOnly acceptableInput placeholderText clearButtonEnabled""",
        signals="textChanged(QString) textEdited(QString) returnPressed() editingFinished() selectionChanged()",
        methods="setText(QString) clear() selectAll() setReadOnly setPlaceholderText setMaxLength setValidator",
    ),
    "QProgressBar": Row(
        "QWidget",
        "qprogressbar.h",
        properties="minimum maximum text value alignment textVisible orientation format invertedAppearance",
        signals="valueChanged(int)",
        methods="reset() setRange(int,int) setMinimum(int) setMaximum(int) setValue(int) setFormat setTextVisible",
    ),
    "QMenu": Row(
        "QWidget",
        "qmenu.h",
        properties="title icon separatorsCollapsible toolTipsVisible",
        signals="aboutToShow() aboutToHide() triggered(QAction*) hovered(QAction*)",
        methods="addAction addMenu addSeparator addSection clear exec popup menuAction setTitle isEmpty defaultAction",
    ),
    "QMainWindow": Row("QWidget", "qmainwindow.h", methods="statusBar setCentralWidget centralWidget"),
    "QStatusBar": Row("QWidget", "qstatusbar.h", methods="showMessage(QString,int) clearMessage() currentMessage"),
}

_VIEWS: dict[str, Row] = {
    "QAbstractScrollArea": Row(
        "QFrame",
        "qabstractscrollarea.h",
        properties="verticalScrollBarPolicy horizontalScrollBarPolicy sizeAdjustPolicy",
        methods="""
            setVerticalScrollBarPolicy setHorizontalScrollBarPolicy setSizeAdjustPolicy viewport verticalScrollBar
            horizontalScrollBar""",
        enums="AdjustToContents AdjustToContentsOnFirstShow AdjustIgnored",
    ),
    "QScrollArea": Row(
        "QAbstractScrollArea",
        "qscrollarea.h",
        properties="widgetResizable alignment",
        methods="setWidget widget takeWidget setWidgetResizable ensureWidgetVisible",
    ),
    "QTextEdit": Row(
        "QAbstractScrollArea",
        "qtextedit.h",
        properties="readOnly html plainText documentTitle lineWrapMode textInteractionFlags placeholderText",
        signals="textChanged()",
        methods="""
            setText(QString) setPlainText(QString) setHtml(QString) clear() append(QString) toPlainText toHtml
            setReadOnly""",
    ),
    "QTextBrowser": Row(
        "QTextEdit",
        "qtextbrowser.h",
        properties="openExternalLinks openLinks",
        signals="anchorClicked(QUrl)",
        methods="setOpenExternalLinks setOpenLinks",
    ),
    "QAbstractItemView": Row(
        "QAbstractScrollArea",
        "qabstractitemview.h",
        properties="""
            autoScroll editTriggers tabKeyNavigation showDropIndicator dragEnabled dragDropMode alternatingRowColors
            selectionMode selectionBehavior iconSize textElideMode verticalScrollMode horizontalScrollMode""",
        signals="pressed(QModelIndex) clicked(QModelIndex) doubleClicked(QModelIndex) activated(QModelIndex)",
        methods="""
            clearSelection() selectAll() scrollToTop() scrollToBottom() setEditTriggers setSelectionMode
            setSelectionBehavior setAlternatingRowColors setTabKeyNavigation selectionModel model setTextElideMode
            setVerticalScrollMode setHorizontalScrollMode setIconSize currentIndex sizeHintForColumn""",
        enums="""
            NoEditTriggers DoubleClicked AllEditTriggers NoSelection SingleSelection ExtendedSelection
            ContiguousSelection SelectItems SelectRows SelectColumns ScrollPerItem ScrollPerPixel EnsureVisible
            PositionAtTop PositionAtCenter""",
    ),
    "QTableView": Row(
        "QAbstractItemView",
        "qtableview.h",
        properties="showGrid gridStyle sortingEnabled wordWrap cornerButtonEnabled",
        methods="""
            selectRow(int) hideRow(int) showRow(int) hideColumn(int) showColumn(int) resizeRowsToContents()
            resizeColumnsToContents() resizeColumnToContents(int) resizeRowToContents(int) setShowGrid(bool)
            horizontalHeader verticalHeader setRowHidden isRowHidden setColumnHidden isColumnHidden setColumnWidth
            columnWidth setRowHeight rowHeight setSortingEnabled setWordWrap setCornerButtonEnabled rowAt columnAt
            sortByColumn""",
    ),
    "QTableWidget": Row(
        "QTableView",
        "qtablewidget.h",
        properties="rowCount columnCount",
        signals="""
            itemClicked(QTableWidgetItem*) itemDoubleClicked(QTableWidgetItem*) itemActivated(QTableWidgetItem*)
            itemChanged(QTableWidgetItem*) currentItemChanged(QTableWidgetItem*,QTableWidgetItem*)
            itemSelectionChanged() cellClicked(int,int) cellDoubleClicked(int,int) cellActivated(int,int)
            cellChanged(int,int) currentCellChanged(int,int,int,int)""",
        # currentRow and currentColumn are functions, rowCount and columnCount are properties.
        methods="""
            insertRow(int) insertColumn(int) removeRow(int) removeColumn(int) clear() clearContents() setRowCount
            setColumnCount item setItem takeItem row column currentRow currentColumn currentItem setCurrentCell
            setCurrentItem setHorizontalHeaderLabels setVerticalHeaderLabels horizontalHeaderItem
            setHorizontalHeaderItem verticalHeaderItem setVerticalHeaderItem cellWidget setCellWidget
            removeCellWidget scrollToItem selectedItems selectedRanges setRangeSelected findItems itemAt
            visualItemRect sortItems""",
    ),
    "QHeaderView": Row(
        "QAbstractItemView",
        "qheaderview.h",
        properties="""
            showSortIndicator highlightSections stretchLastSection cascadingSectionResizes defaultSectionSize
            minimumSectionSize maximumSectionSize defaultAlignment""",
        signals="sectionClicked(int) sectionResized(int,int,int) sectionDoubleClicked(int)",
        methods="""
            setSectionResizeMode setStretchLastSection setDefaultSectionSize setMinimumSectionSize
            setDefaultAlignment setHighlightSections setSectionsClickable setSectionsMovable resizeSection
            sectionSize hideSection showSection count resizeSections() length""",
        enums="Interactive Fixed Stretch ResizeToContents",
    ),
    "QStackedWidget": Row(
        "QFrame",
        "qstackedwidget.h",
        properties="currentIndex count",
        signals="currentChanged(int)",
        methods="setCurrentIndex(int) setCurrentWidget(QWidget*) addWidget widget currentWidget",
    ),
    "QTabWidget": Row(
        "QWidget",
        "qtabwidget.h",
        properties="currentIndex count tabPosition documentMode",
        signals="currentChanged(int)",
        methods="setCurrentIndex(int) setCurrentWidget(QWidget*) addTab widget setTabText tabText setTabToolTip",
    ),
}

_DIALOGS: dict[str, Row] = {
    "QDialog": Row(
        "QWidget",
        "qdialog.h",
        properties="sizeGripEnabled modal",
        signals="finished(int) accepted() rejected()",
        methods="accept() reject() done(int) open() exec() result setResult setModal",
        enums="Accepted Rejected",
    ),
    "QProgressDialog": Row(
        "QDialog",
        "qprogressdialog.h",
        properties="wasCanceled minimum maximum autoReset autoClose minimumDuration labelText value",
        signals="canceled()",
        methods="""
            cancel() reset() setMaximum(int) setMinimum(int) setRange(int,int) setValue(int) setLabelText(QString)
            setCancelButtonText(QString) setMinimumDuration(int) setCancelButton setAutoClose setAutoReset""",
    ),
    "QMessageBox": Row(
        "QDialog",
        "qmessagebox.h",
        properties="text icon iconPixmap textFormat standardButtons detailedText informativeText textInteractionFlags",
        signals="buttonClicked(QAbstractButton*)",
        methods="""
            setText setInformativeText setDetailedText setIcon setStandardButtons setDefaultButton setEscapeButton
            addButton button buttons clickedButton standardButton setTextFormat setCheckBox checkBox""",
        statics="information question warning critical",
        enums="""
            NoButton Ok Cancel Yes No Save Close Retry Abort Ignore Discard Apply Help Reset NoIcon Information
            Warning Critical Question AcceptRole RejectRole DestructiveRole ActionRole HelpRole YesRole NoRole""",
    ),
    "QFileDialog": Row(
        "QDialog",
        "qfiledialog.h",
        statics="getSaveFileName getOpenFileName getExistingDirectory",
    ),
    "QDialogButtonBox": Row(
        "QWidget",
        "qdialogbuttonbox.h",
        properties="orientation standardButtons centerButtons",
        signals="clicked(QAbstractButton*) accepted() rejected()",
        methods="addButton button buttons setStandardButtons",
        enums="Ok Cancel Close Apply Yes No AcceptRole RejectRole",
    ),
}

_LAYOUTS: dict[str, Row] = {
    "QLayout": Row(
        "QObject",
        "qlayout.h",
        properties="spacing sizeConstraint",
        methods="""
            addWidget removeWidget removeItem itemAt takeAt count indexOf setContentsMargins contentsMargins
            setSpacing setAlignment setSizeConstraint setEnabled isEnabled parentWidget activate isEmpty addItem""",
        enums="SetDefaultConstraint SetFixedSize SetMinimumSize SetMinAndMaxSize SetNoConstraint",
    ),
    "QBoxLayout": Row(
        "QLayout",
        "qboxlayout.h",
        methods="""
            addLayout addStretch addSpacing addSpacerItem insertWidget insertLayout insertStretch insertSpacing
            setStretch setStretchFactor stretch setDirection""",
        enums="LeftToRight RightToLeft TopToBottom BottomToTop",
    ),
    "QVBoxLayout": Row("QBoxLayout", "qboxlayout.h"),
    "QHBoxLayout": Row("QBoxLayout", "qboxlayout.h"),
    "QFormLayout": Row(
        "QLayout",
        "qformlayout.h",
        properties="fieldGrowthPolicy rowWrapPolicy labelAlignment formAlignment horizontalSpacing verticalSpacing",
        methods="""
            addRow insertRow removeRow setWidget setLayout labelForField rowCount setFieldGrowthPolicy
            setRowWrapPolicy setLabelAlignment setHorizontalSpacing setVerticalSpacing""",
        enums="""
            LabelRole FieldRole SpanningRole FieldsStayAtSizeHint ExpandingFieldsGrow AllNonFixedFieldsGrow
            DontWrapRows WrapLongRows WrapAllRows""",
    ),
    "QGridLayout": Row(
        "QLayout",
        "qgridlayout.h",
        methods="""
            addLayout setColumnStretch setRowStretch setColumnMinimumWidth setRowMinimumHeight setHorizontalSpacing
            setVerticalSpacing rowCount columnCount itemAtPosition""",
    ),
}

WIDGET_ROWS: dict[str, Row] = {**_BASIC, **_VIEWS, **_DIALOGS, **_LAYOUTS}
"""Class name to its row."""
