"""Run a locked model: the one room with onnxruntime. The same input gives the same bytes.

::

    engine        Engine: a LockedModel and a frame to a Prediction
    session       the onnxruntime session, its settings and the environment it runs in
    golden        the golden run: every output tensor byte for byte as locked, or no engine
    gray          samples of a frame to the 16-bit gray samples that the graph takes
    maps          class-activation map to heat map and tile scores
    input_space   is the image one that the model may judge at all?

onnxruntime 1.32 collects usage events, keeps them under the home folder and sends them to its maker. What a site
computes is nobody else's business, so that is switched off here, before any module of this room imports it;
``disable_telemetry_events()`` would come too late, after the first event.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
