"""Error-driven data-efficient tuning of large multimodal models (arXiv 2412.15652)."""

__version__ = "0.1.0"
