"""The only module that talks to Kaggle, through kagglesdk.

kagglesdk is imported late (0.4 s). Its answers become frozen values (`values`), its failures our errors (`errors`). Nothing here
prints or logs a token.
"""

from __future__ import annotations

from kaggle_workflow.kaggle.competitions import CompetitionCalls
from kaggle_workflow.kaggle.datasets import DatasetCalls
from kaggle_workflow.kaggle.notebooks import NotebookCalls
from kaggle_workflow.kaggle.sending import SendingCalls


class Kaggle(DatasetCalls, NotebookCalls, CompetitionCalls, SendingCalls):
    """Kaggle as one account sees it.

    Every method raises WorkflowError (no credentials), KaggleRefused or Unreachable, in the classes of `kaggle_workflow.kaggle.errors`.
    """
