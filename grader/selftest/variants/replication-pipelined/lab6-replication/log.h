/* log.h - a server's log in memory: entries with indexes from 1, that come and go at the end. */
#ifndef LOG_H
#define LOG_H

#include "message.h"

struct log;

/* NULL with errno (ENOMEM). */
struct log *log_new(void);
void log_free(struct log *log);

/* The index of the last entry; 0 before the first. */
int32_t log_last(const struct log *log);

/* Whether there is an entry of this term at this index; at index 0 stands one of term 0. */
bool log_has(const struct log *log, int32_t index, int32_t term);

/* The entries from an index on, 0 to one more than the last, in an array.  Lent until the next
 * log_append or log_cut. */
const struct log_entry *log_from(const struct log *log, int32_t index);

/* Adds a copy at the end.  False: no memory, and nothing has changed. */
bool log_append(struct log *log, const struct log_entry *entry);

/* Drops all from this index on, which is at least 1. */
void log_cut(struct log *log, int32_t index);

#endif
