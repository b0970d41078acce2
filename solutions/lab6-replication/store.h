/* store.h - the state that the cluster keeps: what entries do to it, and what they are answered. */
#ifndef STORE_H
#define STORE_H

#include "outbox.h"

/* How replies are written: as in resp.h; as ordinary Redis tools expect; and that with the null of
 * RESP3, for a client that asked for it. */
enum dialect { DIALECT_SIMPLE, DIALECT_RESP2, DIALECT_RESP3 };

enum verb { VERB_NONE, VERB_SET, VERB_GET, VERB_DEL, VERB_EXISTS };

/* VERB_NONE: there is no such command, or it takes another number of words. */
enum verb verb_of(const struct resp_request *request);

/* Whether it changes nothing. */
bool is_read(enum verb verb);

/* Whether word is name, in any letter case; name is in capitals. */
bool is_word(struct resp_word word, const char *name);

struct store;

/* NULL with errno. */
struct store *store_new(void);
void store_free(struct store *store);

/* Does what the bytes of an entry ask for, if they are one valid command, and puts its reply.  -1
 * with errno (ENOMEM): it is not done. */
int store_apply(struct store *store, const uint8_t *data, size_t len, enum dialect dialect,
                struct outbox *replies);

/* How many bytes the reply to GET takes now, about. */
size_t store_reply_size(const struct store *store, struct resp_word key);

#endif
