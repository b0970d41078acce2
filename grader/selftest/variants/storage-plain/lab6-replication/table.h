/* table.h - what the cluster keeps, and what commands do to it. */
#ifndef TABLE_H
#define TABLE_H

#include "words.h"

struct table;

/* NULL with errno. */
struct table *table_new(void);
void table_free(struct table *table);

enum command { COMMAND_NONE, COMMAND_SET, COMMAND_GET, COMMAND_DEL };

enum command command_of(const struct words *words, const uint8_t *data);

/* The bytes of the value, as GET gives it; lent until the table changes. */
size_t table_get(const struct table *table, const uint8_t *key, size_t key_size,
                 const uint8_t **value);

/* A string of the caller's, with its size; NULL is no memory. */
struct text {
    char *bytes;
    size_t size;
};
struct text text_copy(const void *bytes, size_t size);
struct text text_number(const char *before, int64_t number); /* and CR LF */

/* Does what an entry says, and makes the reply if it is wanted.  -1: no memory for it. */
int table_execute(struct table *table, const uint8_t *data, size_t len, bool is_wanted,
                  struct text *reply);

#endif
