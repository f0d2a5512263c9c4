"""Import of data: folders and tables that become cases, and external segmentations that become predictions.

- :mod:`.acdc`, :mod:`.sunnybrook`: the folders of ACDC and Sunnybrook.
- :mod:`.csv_table`: a CSV of paths. :mod:`.nnunet`: nnU-Net's raw data set and its output folders.
- :mod:`.entry`: what both find, a labelled stack on disk. :mod:`.reading`: reading it, and what does not fit.
- :mod:`.labels`: which label is what. :mod:`.checks`: label maps that cannot be right.
- :mod:`.split`: who is trained on, who selects, who is only tested on.
- :mod:`.prepare`: all of it, written to a run's folder whole or not at all. :mod:`.overview`: a picture of the result.
- :mod:`.pictures`: photographs with vessel masks.
"""
