/* store.h - the commands of clients, and the table that they work on. */
#ifndef STORE_H
#define STORE_H

#include "resp.h"

struct store;

/* NULL with errno (ENOMEM, or what getrandom(2) says). */
struct store *store_new(void);
void store_free(struct store *store);

/* Whether it is SET, GET or DEL, with as many words as that takes. */
bool store_knows(const struct resp_request *request);

/* How many bytes the reply would have now. */
size_t store_reply_size(const struct store *store, const struct resp_request *request);

/* Does what the bytes of a request ask for.  *reply is lent until the next call; empty if this is
 * not one valid command: then nothing is done.  -1 with errno (ENOMEM): nothing is done either. */
int store_execute(struct store *store, const uint8_t *data, size_t len, struct resp_word *reply);

#endif
