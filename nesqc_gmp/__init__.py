"""Batch release of cell-based medicines by a locked image classifier, every act a signed record.

The map, from the roof down (imports only run down)::

    cli            one short file a noun: parse, call one procedure, print one value
    demonstration  plays one batch on a demonstration site | training: extra ``[train]``
    procedures     people, products, models, batches, certificates, audit, site: the only rooms that append
    inference      the one room with onnxruntime | esign | verifier | state: folds over the records
    imaging        modelpack, decision, certificate, identity, ledger, simulation, evidence
    installation   what is installed, beside the signed release manifest
    records        the vocabulary: frozen records, one union by ``kind`` | notes: signed checkpoints
    digest         canonical JSON and SHA-256 | merkle: RFC 6962 | store: tables | objects: content by digest
    errors         one tree; each class owns its exit code

Every act is a frozen record. Records go down into one ledger. Everything else is a pure step before it or a
view after it.
"""

__version__ = "0.1.0"
