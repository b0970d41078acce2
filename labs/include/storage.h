/* storage.h - what a server must not forget, in a folder of its own: its term, its vote, its log.
 *
 * A crash, also a loss of power, keeps all that was synced, and of what was saved later it keeps a
 * beginning at most, maybe with a record cut anywhere.  Whatever it left, the next storage_open
 * finds all that was synced.  A folder that no crash can have left so is an error, and no loss.
 * Nothing prints: who calls this prints the error, and ends. */
#ifndef STORAGE_H
#define STORAGE_H

#include "message.h"

struct storage;

/* What went wrong: a sentence with the name of the file, for a person. */
struct storage_error {
    char text[200];
};

/* Opens the folder, which is made if it is not there (its parent is), for this server, and keeps
 * all other processes out until storage_close, or this one's end.  does_flush false: nothing
 * outlives a loss of power, but a killed process loses nothing.  NULL with *error: it is another
 * server's, or of an unknown version; is open elsewhere; a file is missing or damaged; can't be
 * read or written. */
struct storage *storage_open(const char *folder, int32_t id, bool does_flush,
                             struct storage_error *error);
void storage_close(struct storage *storage);

/* The term and vote that were saved last; 0 and 0 (nobody) before that. */
void storage_vote(const struct storage *storage, int32_t *term, int32_t *voted_for);

/* How many entries there are; and the one at this index, from 1, lent until the next call.  Cheap
 * in the order of indexes, from 1 to the last; asked before anything is saved.  -1 with *error. */
int32_t storage_count(const struct storage *storage);
int storage_read(struct storage *storage, int32_t index, struct log_entry *entry,
                 struct storage_error *error);

/* Save: in the order of the calls, and cheaply: what is saved may wait in memory.  An entry drops
 * all from its index on that was saved before; index is at most one more than the last.  data is
 * lent for the call.  -1 with *error; then, and after a failed sync, only storage_close may be
 * called: nobody knows what is on the disk. */
int storage_save_vote(struct storage *storage, int32_t term, int32_t voted_for,
                      struct storage_error *error);
int storage_save_entry(struct storage *storage, int32_t index, const struct log_entry *entry,
                       struct storage_error *error);

/* On return all that was saved is on the disk, also what was found by storage_open: a process may
 * have been killed before its flush.  One flush, fdatasync(2), does for all that waits.  -1 with
 * *error: nothing more may be promised. */
int storage_sync(struct storage *storage, struct storage_error *error);

#endif
