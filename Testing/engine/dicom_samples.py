"""DICOM series and segmentations of :func:`engine.report_samples.broken_stack`, made from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from highdicom.sr.coding import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from engine.file_samples import ijk_to_lps, labels
from engine.report_samples import SPACING, broken_stack

TISSUE = CodedConcept("85756007", "SCT", "Tissue")
MYOCARDIUM = CodedConcept("74281007", "SCT", "Myocardium")
POOL = CodedConcept("87878005", "SCT", "Left ventricular cavity")


def write_series(
    folder: Path, *, phases: int = 1, reverse: bool = False, times: bool = True, prefix: str = ""
) -> list[Dataset]:
    """Write a series, one file per slice and phase, in an order of names that says nothing.

    Args:
        folder: Made if it is missing.
        phases: Phases; the image of phase n is n brighter.
        reverse: Number the instances from the other end.
        times: Write the trigger time.
        prefix: What the names of the files begin with.

    Returns:
        The instances of phase 0 in the order of the stack.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = np.round(broken_stack()[0].image).astype(np.int16)
    matrix = ijk_to_lps()
    study, series, frame = (generate_uid() for _ in range(3))
    first = []
    for phase in range(phases):
        for k in range(len(values)):
            dataset = Dataset()
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, generate_uid()
            dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate, dataset.PatientSex = "p", "a^b", "", ""
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
            dataset.StudyDate = dataset.StudyTime = dataset.StudyID = dataset.AccessionNumber = ""
            dataset.ReferringPhysicianName = dataset.PositionReferenceIndicator = dataset.Laterality = ""
            dataset.Modality, dataset.Manufacturer, dataset.SeriesNumber = "MR", "test", 7
            number = phase * len(values) + (len(values) - 1 - k if reverse else k) + 1
            dataset.InstanceNumber, dataset.SeriesDescription = number, "cine sax"
            if times:
                dataset.TriggerTime = 30.5 * phase
            dataset.ImageOrientationPatient = [float(v) for v in (matrix[:3, :2] / [SPACING[2], SPACING[1]]).T.ravel()]
            dataset.ImagePositionPatient = [float(v) for v in (matrix @ [0, 0, k, 1])[:3]]
            dataset.PixelSpacing, dataset.SliceThickness = [SPACING[1], SPACING[2]], 6
            dataset.Rows, dataset.Columns = values.shape[1:]
            dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
            dataset.RescaleSlope, dataset.RescaleIntercept = 2, -5
            dataset.PixelData = (values[k] + phase).tobytes()
            dataset.save_as(folder / f"{prefix}{(number * 7919) % 1009:04d}.dcm", enforce_file_format=True)
            if phase == 0:
                first.append(dataset)
    return first


def write_seg(path: Path, instances: list[Dataset], values: NDArray[Any] | None = None, kind: str = "BINARY") -> Path:
    """Write a segmentation with the segments myocardium (1), blood pool (2) and rv (3).

    One of the kind ``LABELMAP`` has the background as segment 0, and no rv.
    """
    found = labels() if values is None else values
    pixels = np.stack([found == 2, found == 3, found == 1], axis=-1).astype(np.uint8)
    if kind == "LABELMAP":
        pixels = (pixels * np.array([1, 2, 0], np.uint8)).max(axis=-1)
    descriptions = [
        highdicom.seg.SegmentDescription(number, name, TISSUE, code, "MANUAL")
        for number, (name, code) in enumerate([("Myokard äö 心", MYOCARDIUM), ("blood pool", POOL), ("rv", TISSUE)], 1)
    ]
    content = highdicom.seg.Segmentation(
        source_images=instances,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        content_label="HEART",
    )
    content.SeriesDescription = "contours"
    content.SpecificCharacterSet = "ISO_IR 192"
    content.save_as(path)
    return path
