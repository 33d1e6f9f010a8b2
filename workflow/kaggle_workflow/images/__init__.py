"""Kaggle's images: which packages they hold, at which versions."""

from kaggle_workflow.images.catalogue import Image, accelerator_of, choose, load, names_image

__all__ = ["Image", "accelerator_of", "choose", "load", "names_image"]
