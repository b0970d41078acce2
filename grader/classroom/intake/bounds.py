"""What a submission may hold at most. Real work is far below each of these; what is above is left
out with a note, or refused, and never fills the memory.

One submission takes at most about ``2 * ARCHIVE_BYTES + SOURCES_BYTES + XZ_BYTES`` of memory at a
time.
"""

from __future__ import annotations

MIB = 1 << 20

# As the grader reads a student's tree (grader/run/build.py).
SOURCE_BYTES = 4 * MIB  # a C file
SOURCES = 500  # C files in a lab's folder

SOURCES_BYTES = 32 * MIB  # all C files of a submission
ENTRIES = 20_000  # files and folders on disk, and as many again in all its archives
DEPTH = 16  # folders within folders
NAME_BYTES, PATH_BYTES = 255, 1024

ARCHIVE_BYTES = 64 * MIB  # an archive as it was handed in
UNPACKED_BYTES = (
    256 * MIB
)  # a submission's archives and all that comes out of them, looked at or not
XZ_BYTES = 72 * MIB  # what unpacking may take of memory: xz -9 needs 65 MiB
RATIO, RATIO_FROM = 250, 8 * MIB  # unpacked to packed; C packs to a quarter, a core dump to a tenth
NESTING = 2  # an archive in an archive, and no further
HEADER_BYTES = 64 << 10  # a long name or a list of attributes in a tar archive

TOLD = 40  # notes, and names of files that were left out
METADATA_BYTES = 64 * MIB  # Gradescope's list of submissions
