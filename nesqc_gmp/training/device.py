"""What a fit ran on, in words for the report; a plan may only say ``auto``."""

from __future__ import annotations

import torch

from nesqc_gmp.inference.session import processor
from nesqc_gmp.training.fit import device_of
from nesqc_gmp.training.plan import TrainingSection


def device_used(training: TrainingSection, *, resumed: bool) -> str:
    """The kind of device and its name, and the threads.

    Args:
        training: The settings of the fit.
        resumed: Whether the run began from checkpoints, which do not say where they were made.
    """
    threads = f"{training.threads} thread{'' if training.threads == 1 else 's'}"
    if device_of(training) == "cuda":
        used = f"cuda: {torch.cuda.get_device_name()}; {threads} on the processor, {processor()}"
    else:
        used = f"cpu: {processor()}; {threads}"
    return f"{used}. Epochs taken from checkpoints of an earlier run may have run elsewhere." if resumed else used
