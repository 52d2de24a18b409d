"""The QC certificate as a file: drawn, made fit for archives, signed, and verified. The one room that knows PDF.

::

    names, wording          names inside the file; the fixed sentences
    fonts, colours, style   typefaces, colours of the outcomes, paragraphs
    tables, figures         grids and tables; marks, QR code, legend of a heat map
    histogram, pictures     scores with both thresholds; example images with their heat maps
    front, annex            what stands on the first page and after it
    page                    header and footer of every page
    archive                 PDF/A-3b, attachments, the empty signature field
    render                  content to unsigned bytes
    sign                    PAdES B-LTA by the releasing person
    verify                  numbered steps
"""
