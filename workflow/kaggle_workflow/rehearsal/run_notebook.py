"""Executes a notebook with papermill, as Kaggle does. Runs in the image's interpreter, not in the workspace's.

Usage: `python -I run_notebook.py INPUT OUTPUT`. What the cells print appears on standard output and standard error as it
comes. Exit code 0 when every cell ran, 1 otherwise.
"""

import asyncio
import inspect
import re
import sys
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager

# papermill reads notebooks from many clouds and imports whatever client there is for each, pyarrow and numpy among them
# (0.3 s): ours is a file. ipykernel 6.17 imports its debugger here too (0.4 s).
# This is papermill's process; the notebook's own is another one, which has everything.
for _client in ("adlfs", "azure", "boto3", "gcsfs", "github", "pyarrow", "debugpy"):
    sys.modules[_client] = None  # type: ignore[assignment]  # None is how the import system spells "not there"

# No banner and no history file.
_KERNEL_OPTIONS = ("--log-level=ERROR", "--HistoryManager.enabled=False")


class EarlyKernel(AsyncKernelManager):
    """A kernel that starts while papermill is still being imported: both take half a second, on two processors.

    Until nbclient asks for its start it says that it has not started: nbclient (0.5 as well as 0.11) then connects to it
    as to one of its own.
    """

    _asked = False

    async def start_early(self) -> None:
        """Start the kernel's process with this interpreter, whatever a kernelspec of the machine names."""
        spec = self.kernel_spec
        if spec is None:
            raise RuntimeError("the image has no kernel called python3: install ipykernel in it")
        launcher = str(Path(__file__).with_name("run_kernel.py"))
        spec.argv = [sys.executable, launcher, "-f", "{connection_file}", *_KERNEL_OPTIONS]
        await super().start_kernel()

    @property
    def has_kernel(self) -> bool:
        """Whether nbclient has asked for the start, and the kernel's process is there."""
        return self._asked and super().has_kernel

    async def start_kernel(  # type: ignore[override]  # the types say what the blocking manager does
        self, **_: object
    ) -> None:
        """Take note that nbclient knows of the kernel."""
        self._asked = True

    async def end(self) -> None:
        """End the kernel, not at once: what the notebook registered with atexit runs, as it does on Kaggle.

        `shutdown_kernel` would interrupt it first, which may meet those functions and says so on standard error. A kernel
        that nbclient never asked for may still be starting, and has nothing to put away.
        """
        unused, self._asked = not self._asked, True
        if not await self.is_alive():
            return
        if unused:
            await self.shutdown_kernel(now=True)
            return
        for step in (self.request_shutdown, self.finish_shutdown, self.cleanup_resources):
            # Which of them have to be awaited differs between versions of jupyter_client.
            answer = step()
            if inspect.isawaitable(answer):
                await answer


def main(notebook: str, executed: str) -> int:
    """Execute `notebook`, write the result to `executed`, and return the exit code."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    kernel = EarlyKernel(kernel_name="python3")
    loop.run_until_complete(kernel.start_early())
    try:
        import papermill
        from papermill.exceptions import PapermillExecutionError

        try:
            papermill.execute_notebook(
                notebook,
                executed,
                progress_bar=False,
                stdout_file=sys.stdout,
                stderr_file=sys.stderr,
                km=kernel,
            )
        except PapermillExecutionError as error:
            print(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip(), file=sys.stderr)
            return 1
        except (RuntimeError, ValueError) as error:
            # nbclient's "Kernel died" is a RuntimeError, papermill's "No kernel name found" a ValueError.
            died = " (the notebook's process died, usually because it ran out of memory)"
            print(f"papermill: {error}{died if 'died' in str(error) else ''}", file=sys.stderr)
            return 1
        return 0
    finally:
        loop.run_until_complete(kernel.end())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
