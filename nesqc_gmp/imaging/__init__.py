"""From the bytes of a file to a frame, and what can be said of the frame without a model.

Every function here takes values and returns values; none opens a file or asks for the time.
"""
