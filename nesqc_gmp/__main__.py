"""``python -m nesqc_gmp``: the same as the command ``nesqc``."""

from nesqc_gmp.cli import main

if __name__ == "__main__":
    main()
