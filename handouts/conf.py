"""Sphinx's configuration of the book. The source root is the repository's: ``make book`` builds
handouts/ and docs/.

Nothing is loaded from outside: every page, and the search, works from the disk.
"""

import os

project = "Echo to Raft"
author = "The Echo to Raft authors"
copyright = "2026, The Echo to Raft authors"  # Sphinx's own name for it

extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

source_suffix = {".md": "markdown"}
root_doc = "handouts/index"
include_patterns = ["handouts/**", "docs/**"]
nitpicky = True

# BOOK_LANG=de takes the translations in handouts/locale/de/LC_MESSAGES, if any (gettext).
language = os.environ.get("BOOK_LANG") or "en"
locale_dirs = ["handouts/locale"]
gettext_compact = False

html_theme = "furo"
html_title = "Echo to Raft"
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_domain_indices = False
html_permalinks_icon = "#"
