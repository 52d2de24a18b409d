"""Simulated pictures of neuroepithelial stem cell cultures: for demonstration, training examples and tests.

No public set of real NES cell images was found, so every NES picture of this project is simulated and says so: in its
file name, in its metadata and in a corner label that both classes carry. Nothing here says anything about real cells::

    culture   a seed and a CultureLook to gray samples: the one function that joins the rest
    look      what differs between cultures and is no defect: confluence, light, focus, debris, noise
    cells     where cells lie, how they are shaped and turned
    sheet     cells to an optical path map: who owns which pixel, nucleus, borders
    optics    optical path map to the picture of a phase-contrast microscope
    label     the corner label ``SIM``
    files     PNG and TIFF files that say they are simulated
"""
