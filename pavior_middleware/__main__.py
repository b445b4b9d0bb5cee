"""`python -m pavior_middleware` is the command `pavior`."""

import sys

from .cli import main

sys.exit(main())
