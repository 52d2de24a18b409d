"""The report of a training run."""

from nesqc_gmp.training.report.document import report
from nesqc_gmp.training.report.material import Material
from nesqc_gmp.training.report.pictures import PICTURES_OF_A_CLASS

__all__ = ["PICTURES_OF_A_CLASS", "Material", "report"]
