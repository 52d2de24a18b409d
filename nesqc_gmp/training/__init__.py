"""Fit, calibrate, measure and export a demonstration model; the extra ``[train]``, never needed in production.

::

    demonstration_model   python -m nesqc_gmp.training.demonstration_model --out FOLDER: the whole run
    cultures              simulated cultures, split by culture
    network               the residual net in torch
    augment               what may differ between two pictures of one class
    fit                   the training loop, seeded
    measure               AUROC, calibration, thresholds, limits: numpy, no torch
    export                the trained net as one ONNX graph, built node by node
    judge, report         scores and refusals of the exported graph on test cultures and corruptions
    description, card     what is said of the model | golden: images with the bytes they must give
"""
