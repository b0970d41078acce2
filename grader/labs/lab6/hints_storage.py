"""Hints of lab 6: the storage."""

from __future__ import annotations

from grader.labs.hints import Hint

STAGES = {
    "6.15": Hint(
        "The power is lost at this very call. What is on the disk, and what does storage_open "
        "make of it?",
        "Something that was promised is not flushed at that moment, or what the crash left of the "
        "last record is not cut off, or is taken for more than it is.",
        "Records with a checksum over lengths and data, one behind the other in one file; one "
        "write and one fdatasync in storage_sync. storage_open reads as far as records are good, "
        "cuts the rest off, and flushes.",
    ),
    "6.16": Hint(
        "Which byte, which file, which call was it, and how can storage_open know?",
        "A failed call was passed over, or damage was taken for the end of the log.",
        "Let every error stop the storage for good, with its reason. Damage is what no crash can "
        "leave: a bad record with good ones behind it, a wrong header, a missing file.",
    ),
}

_CRASHES = {
    "not-flushed": Hint(
        "What does write(2) promise when it returns, and which call promises more?",
        "storage_sync returns before the bytes are on the disk: no fdatasync, one of another "
        "descriptor's file, or bytes that were written after it.",
        "In storage_sync: write all that waits, until it is all written, then fdatasync of that "
        "file, then return. Also where nothing waits: an earlier process may have been killed "
        "between its write and its flush.",
    ),
    "mapping-not-flushed": Hint(
        "When do the kernel's pages of a mapped file come to the disk, and who asks for that?",
        "Bytes were stored through the mapping, and storage_sync returns before a flush of them: "
        "no msync, one with MS_ASYNC, which starts nothing, or one of another range.",
        "In storage_sync: msync with MS_SYNC from the page that holds the first byte of what "
        "waits to its end, or fdatasync of the file.",
    ),
    "unseen": Hint(
        "By which system calls do your replies leave, and from which process?",
        "The grader records the system calls of the program that it started, and the replies are "
        "not among them: the program hides, or another process answers for it.",
        "Let the node write to its clients itself: write, send or their like.",
    ),
    "unfollowed": Hint(
        "Where was that file made?",
        "A file was brought into the folder from elsewhere, and nobody knows what of it is on the "
        "disk.",
        "Make all files of a storage in its folder, also those that are renamed later: rename(2) "
        "works within one file system only.",
    ),
    "note-lost": Hint(
        "Which of your functions has the name of one of the C library, such as prctl?",
        "The grader's driver notes the end of each call by a system call of its own, and the note "
        "of storage_sync did not arrive: something in the program took it.",
        "Give functions of your own names of your own; leave the program's system calls alone.",
    ),
    "name-not-flushed": Hint(
        "Where is the name of a file kept, and who flushes that?",
        "A new or a renamed file was flushed, and the folder that holds its name was not; or the "
        "folder itself is new, and its own name is in the folder above.",
        "Open the folder with O_DIRECTORY, and fsync that descriptor, after each change of names "
        "and before anything is promised. After mkdir do the same with the folder above.",
    ),
    "crash-refused": Hint(
        "Which call was the last one before the crash, and how much of it came to the disk?",
        "A record that ends too soon, or a folder that was being made, is taken for damage.",
        "A bad record with nothing good behind it is the end of the log. In a folder that was "
        "never in use, begin again.",
    ),
    "torn-tail-kept": Hint(
        "What lies between the last good record and the one that was saved after the crash?",
        "The beginning of a record stays in the file, and the next one is written behind it: the "
        "next open stops there.",
        "ftruncate to the end of the good records, and flush that, before anything is written.",
    ),
    "never-saved": Hint(
        "Which bytes did this entry come from?",
        "A record that was cut, or an old one, is taken for a good one: its length is believed, or "
        "its checksum does not cover all of it.",
        "The checksum covers the lengths, the kind, index, term and data. What does not fit it is "
        "not there.",
    ),
    "not-found": Hint(
        "All that was synced is on the disk. Where does reading stop, or what does it skip?",
        "storage_open stops too early, or begins anew where a crash left something unfinished.",
        "Print what is read, record by record, from the bytes on the card.",
    ),
    "lost-at-kill": Hint(
        "The process is gone, the machine runs on. Where is what had been written?",
        "What was written is in the kernel's hands and can't be lost. storage_open does not find "
        "it, or what was synced had never been written: it waited in memory, or in stdio.",
        "storage_sync hands everything to write(2) before it flushes. fflush comes before "
        "fdatasync.",
    ),
    "open-differs": Hint(
        "What does storage_open change in the folder, and what does it go by?",
        "One open finds something else than the one before it, and nothing was saved.",
        "An open that finds all in order changes nothing.",
    ),
    "flush-each": Hint(
        "How many flushes does a sync need, if a thousand entries wait?",
        "Each save flushes, or writes to a file that was opened with O_SYNC.",
        "Saves only gather bytes. storage_sync writes them with one call, and flushes once.",
    ),
}

_CALLS = {
    "fails": Hint(
        "Which system call failed, and what does its man page say about that error?",
        "A call that has all it needs returns -1.",
        "Put strerror(errno) into the error's text, and read it on this card.",
    ),
    "own-files-refused": Hint(
        "At which byte of the file does storage_open stop, what is there, and what did it expect?",
        "A record is read otherwise than it was written, or was written in the wrong place: over "
        "older ones, or behind a gap.",
        "Save two entries, open again, save a third, and look at the file with xxd: each record "
        "begins where the one before it ends.",
    ),
    "entry-term": Hint(
        "Which terms does a record hold, and which of them goes into entry->term?",
        "An entry got the current term, or that of another record.",
        "Write the entry's own term beside its data, and read it from there.",
    ),
    "reload": Hint(
        "What was written, what is read, and where do the two part?",
        "Records are written in one way and read in another, or not all, or those of an earlier "
        "open are overwritten.",
        "After an open, go on at the end of what was read. A vote counts if it is the last one.",
    ),
    "entry-changed": Hint(
        "Which bytes does entry->data point to, and who has changed them since?",
        "The data was lent for the call and kept as a pointer, or cut at a buffer's size, or is "
        "read from the wrong place.",
        "Copy the data when it is saved. Read as many bytes as the record has; read(2) may need "
        "several calls.",
    ),
    "count": Hint(
        "What is the index of the last entry after this one was saved?",
        "An entry drops all from its index on, and storage_count does not know that.",
        "The index of the entry that was saved last is the count.",
    ),
    "quadratic": Hint(
        "What is done again for each entry, and how long does that take with the last one?",
        "For each entry something is read, copied or searched from the start.",
        "Remember where each entry is when the log is read for the first time, and double the "
        "size of arrays when they are full.",
    ),
}

_DAMAGE = {
    "damage-unseen": Hint(
        "Which record holds this byte, and what comes behind it in the file?",
        "Something is not covered by a checksum, or a bad record in the middle is taken for the "
        "end of the log, and all behind it is thrown away.",
        "Cover every byte. Before you cut at a bad record, look whether a good one lies behind: "
        "then it is damage, and an error.",
    ),
    "missing-file": Hint(
        "How does your folder look before its first use, and how does it look now?",
        "A file that can't be opened is made anew, and what was in the old one is forgotten.",
        "Only ENOENT means that it is not there. Keep something elsewhere that says it was: a "
        "second file, made when the first one is flushed.",
    ),
    "empty-file": Hint(
        "A file of this folder is there, and has no bytes. In which folder may that be?",
        "A file without a header is taken for a new one, although another file says that the "
        "folder is in use.",
        "Make the file with its header, flush it, and only then the file that says that the folder "
        "is in use. If that is there, a header that is not whole is an error.",
    ),
    "foreign-folder": Hint(
        "What would happen to one vote a term, if two servers had one folder?",
        "The id is not stored, or is not compared.",
        "Put the id, the version and a checksum into the head of each file, and compare them "
        "before anything else.",
    ),
    "foreign-touched": Hint(
        "What did storage_open change before it looked whose folder that is?",
        "Files are made, cut or emptied before the check.",
        "Look first; change afterwards.",
    ),
    "no-folder": Hint(
        "Which of mkdir's errors is fine?",
        "An error of mkdir or open is passed over.",
        "EEXIST alone is fine, and then open with O_DIRECTORY tells whether it is a folder.",
    ),
    "two-processes": Hint(
        "What keeps another process out, and who takes that away if this one is killed?",
        "No lock is taken, or a file is taken for a lock.",
        "flock(2) with LOCK_EX and LOCK_NB on the folder's descriptor: the kernel frees it when "
        "the process ends.",
    ),
    "error-words": Hint(
        "What would you want to read, if this were your server?",
        "The text of the error is empty, or does not say what it is about.",
        "The file's name, what was wrong with it, and strerror(errno) where a call failed.",
    ),
    "flush-error-ignored": Hint(
        "fdatasync has failed. Which bytes are on the disk, and what will the next fdatasync say?",
        "An error of a flush was passed over, or the flush was tried again.",
        "Return -1 from storage_sync, and from every call after it.",
    ),
    "promised-early": Hint(
        "What does this message, or reply, say of the disk of its sender?",
        "It left while term, vote or entries were only saved, or written and not flushed.",
        "raft_sync before raft_send, and in storage_sync the flush before the return. The leader "
        "counts itself, and answers clients, behind its own sync.",
    ),
    "short-count": Hint(
        "read and write return a number. What does it say, and when is it an error?",
        "A call that moved fewer bytes than it was asked to is taken for a failure, or for the "
        "end of the file.",
        "A loop that goes on behind what was moved. -1 is an error, and 0 from read the end.",
    ),
    "lost-at-error": Hint(
        "What did you change on the disk before the call that failed, or because of it?",
        "What was there is destroyed before the new is safe, or a cut record is left in the way.",
        "Append, or write a new file and rename it. Never empty what is needed still.",
    ),
}

HINTS = STAGES | _CRASHES | _CALLS | _DAMAGE
