"""The grader's entry point: ``python -I grader/__main__.py``. Isolated mode adds no folder to the
path, so this does.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from grader.cli import main

sys.exit(main())
