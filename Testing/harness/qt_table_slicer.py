"""The table's rows for CTK and Slicer; their headers were read in the repositories commontk/CTK and Slicer/Slicer."""

from __future__ import annotations

from .qt_row import Row

_CTK = "CTK Libs/Widgets/"
_MRML = "Slicer Libs/MRML/Widgets/"
_QTGUI = "Slicer Base/QTGUI/"

SLICER_ROWS: dict[str, Row] = {
    "ctkCollapsibleButton": Row(
        "QAbstractButton",
        _CTK + "ctkCollapsibleButton.h",
        properties="""
            collapsed collapsedHeight flat contentsFrameShape contentsFrameShadow contentsLineWidth
            contentsMidLineWidth buttonTextAlignment indicatorAlignment""",
        signals="contentsCollapsed(bool)",
    ),
    "ctkSliderWidget": Row(
        "QWidget",
        _CTK + "ctkSliderWidget.h",
        properties="""
            decimals singleStep pageStep minimum maximum value prefix suffix tickInterval tracking spinBoxVisible
            popupSlider invertedAppearance""",
        signals="valueChanged(double) valueIsChanging(double) decimalsChanged(int)",
        methods="reset() setValue(double) setSpinBoxVisible(bool) setDecimals(int)",
    ),
    "ctkComboBox": Row(
        "QComboBox",
        _CTK + "ctkComboBox.h",
        properties="defaultText forceDefault elideMode scrollWheelEffect currentUserDataAsString",
        methods="setCurrentUserDataAsString(QString)",
    ),
    "ctkPathLineEdit": Row(
        "QWidget",
        _CTK + "ctkPathLineEdit.h",
        properties="""
            label filters currentPath settingKey showBrowseButton showHistoryButton sizeAdjustPolicy
            minimumContentsLength nameFilters""",
        signals="validInputChanged(bool) currentPathChanged(QString)",
        methods="comboBox setCurrentPath(QString) browse() retrieveHistory() addCurrentPathToHistory()",
        enums="Dirs Files Drives NoSymLinks AllEntries Readable Writable Executable Hidden System NoFilter",
    ),
    "ctkFittedTextBrowser": Row(
        "QTextBrowser",
        _CTK + "ctkFittedTextBrowser.h",
        properties="disableMouseScroll collapsed showDetailsText hideDetailsText",
        methods="""
            collapsibleText setCollapsibleText(QString) setCollapsibleHtml(QString) setCollapsiblePlainText(QString)""",
    ),
    "ctkMessageBox": Row(
        "QMessageBox",
        _CTK + "ctkMessageBox.h",
        properties="dontShowAgain dontShowAgainSettingsKey dontShowAgainVisible",
        methods="setDontShowAgain(bool)",
    ),
    "qMRMLWidget": Row(
        "QWidget",
        _MRML + "qMRMLWidget.h",
        signals="mrmlSceneChanged(vtkMRMLScene*)",
        methods="mrmlScene setMRMLScene(vtkMRMLScene*)",
    ),
    "qMRMLNodeComboBox": Row(
        "QWidget",
        _MRML + "qMRMLNodeComboBox.h",
        # The deprecated currentNodeId is left out; baseName needs nodeTypes to be set before it.
        properties="""
            currentNodeID nodeTypes showHidden showChildNodeTypes hideChildNodeTypes baseName noneEnabled addEnabled
            removeEnabled editEnabled renameEnabled selectNodeUponCreation noneDisplay sizeAdjustPolicy""",
        signals="""
            currentNodeChanged(vtkMRMLNode*) currentNodeIDChanged(QString) nodeActivated(vtkMRMLNode*)
            currentNodeChanged(bool) nodeAdded(vtkMRMLNode*) nodeAboutToBeRemoved(vtkMRMLNode*)""",
        # No setNoneEnabled and its like: they are neither slots nor invokable.
        methods="""
            mrmlScene addAttribute removeAttribute nodeCount nodeFromIndex currentNode setMRMLScene(vtkMRMLScene*)
            setCurrentNode(vtkMRMLNode*) setCurrentNodeID(QString) setCurrentNodeIndex(int) addNode()
            removeCurrentNode()""",
    ),
    "qMRMLSegmentSelectorWidget": Row(
        "qMRMLWidget",
        _MRML + "qMRMLSegmentSelectorWidget.h",
        properties="""
            noneEnabled editEnabled segmentationNodeSelectorVisible multiSelection horizontalLayout
            selectNodeUponCreation""",
        signals="""
            currentNodeChanged(vtkMRMLNode*) currentSegmentChanged(QString) segmentSelectionChanged(QStringList)
            currentNodeChanged(bool)""",
        methods="""
            currentNode currentNodeID currentSegmentID selectedSegmentIDs segmentIDs setCurrentNode(vtkMRMLNode*)
            setCurrentNodeID(QString) setCurrentSegmentID(QString) setSelectedSegmentIDs(QStringList)""",
    ),
    "qMRMLSliderWidget": Row(
        "ctkSliderWidget",
        _MRML + "qMRMLSliderWidget.h",
        properties="quantity orientation",
        methods="mrmlScene setMRMLScene(vtkMRMLScene*) setQuantity(QString)",
    ),
    "qSlicerScriptedLoadableModuleWidget": Row(
        "QWidget",  # by way of qSlicerAbstractModuleWidget and qSlicerWidget
        _QTGUI + "qSlicerScriptedLoadableModuleWidget.h",
        properties="moduleName isEntered",
        signals="mrmlSceneChanged(vtkMRMLScene*)",
        methods="reload self enter exit setMRMLScene(vtkMRMLScene*)",
    ),
    "qSlicerMainWindow": Row("QMainWindow", "Slicer Base/QTApp/qSlicerMainWindow.h"),
}
