"""What the commands of a workspace do, on the developer's machine."""

import sys

# invoke keeps no compiled modules unless asked (`--write-pyc`), and compiling ours takes longer than most commands.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
