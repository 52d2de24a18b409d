"""A plan and labelled images to a locked model package; the extra ``[train]``, never needed in production.

::

    plan                  the schema of PLAN.toml, and its digest
    data, division        manifest and images, divided without leakage; folds by family
    images, targets       one labelled image | its boxes as classes of places
    augment               what may differ between two pictures of one class
    network               the residual net in torch
    fit, checkpoint       the training loop, seeded | the work folder, written whole or not at all
    scoring, measure      scores of unseen images | temperature, thresholds and limits from them
    export, golden        the trained net as one ONNX graph | images with the bytes they must give
    outside, comparison   what the input check refuses, beside other ways
    disturbance, label_noise    how verdicts hold when images are disturbed | how far labels hold
    heat_map_checks       whether the heat map shows what the model decides on
    findings, report      all that was measured as one value | the report of a run as one document
    judge, results        what the exported graph says | figures with intervals
    description, card     what is said of the model
    run                   all of it: what ``nesqc models train`` calls
    cultures, simulated_cultures    simulated cultures, as files with a manifest
    ldc_manifest          the manifest of the Living and Dead Cells images
"""
