"""The commands of this workspace: `invoke --list` shows them. Add your own below."""

from invoke.exceptions import Exit

try:
    from kaggle_workflow.tasks import collection
except ModuleNotFoundError as error:
    how = "run `pip install -r requirements.txt`, or start commands with `uv run`"
    raise Exit(f"error: {error.name} is not installed: {how}.", code=2) from error

namespace = collection(__file__)

# Your own commands (docs.pyinvoke.org), for example:
#     from invoke.tasks import task
#
#     @task
#     def hello(context):
#         context.run("echo hello")
#
#     namespace.add_task(hello)
