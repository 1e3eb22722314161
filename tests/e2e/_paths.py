"""Where things are; makes the harness of tests/integration importable."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
INSTALLED = os.environ.get("FAREBOX_E2E_DIR", os.path.join(ROOT, "build", "e2e"))

sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
