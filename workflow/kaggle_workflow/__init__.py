"""What the commands of `tasks.py` do, on the developer's machine."""

import sys
from pathlib import Path

# The shim is a folder of the workspace, not an installed package: both ends of a handshake are one piece of code.
_SHIM = str(Path(__file__).resolve().parents[1] / "shim")
if _SHIM not in sys.path:
    sys.path.append(_SHIM)
