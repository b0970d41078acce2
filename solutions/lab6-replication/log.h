/* log.h - a server's log in memory: entries with indexes from 1, that come and go at the end. */
#ifndef LOG_H
#define LOG_H

#include "message.h"

struct log;

/* NULL with errno (ENOMEM). */
struct log *log_new(void);
void log_free(struct log *log);

int32_t log_last(const struct log *log); /* the last index; 0 before the first */

/* The term of an entry, from 1 to the last; 0 at index 0. */
int32_t log_term(const struct log *log, int32_t index);

/* The entries from an index on, one after the other, up to the last.  They and their data stay in
 * place until the next log_append or log_cut. */
const struct log_entry *log_at(const struct log *log, int32_t index);

/* Adds a copy at the end.  False: no memory, and nothing has changed. */
bool log_append(struct log *log, const struct log_entry *entry);

/* Drops all from this index on, which is at least 1. */
void log_cut(struct log *log, int32_t index);

#endif
