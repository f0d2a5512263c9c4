"""Import of labelled data as cases, and of external segmentations as predictions.

- :mod:`.acdc`, :mod:`.sunnybrook`: the folders of ACDC and Sunnybrook.
- :mod:`.csv_table`: a CSV of paths. :mod:`.nnunet`: nnU-Net's raw data set and its output folders.
- :mod:`.entry`: a labelled stack on disk. :mod:`.reading`: reading it.
- :mod:`.labels`: mapping of labels. :mod:`.checks`: plausibility of label maps.
- :mod:`.split`: training, validation and test set.
- :mod:`.prepare`: writing all of it to the folder of a run. :mod:`.overview`: a picture of the result.
- :mod:`.pictures`: photographs with vessel masks.
"""
