/* store.c - the state of store.h.
 *
 * It is commands.c of lab 3 once more, but what it is given are entries: the same on every server,
 * in the same order.  What must the state not depend on, so that it is the same everywhere? */
#include "store.h"

#include "kv.h"

#include <stdlib.h>

struct store {
    struct kv *kv;
    struct resp_parser *parser;
};

/* --- words --- */

/* Stage 6.17: toupper(3) asks for the locale.  Should it, where servers have different ones? */
bool is_word(struct resp_word word, const char *name)
{
    (void)word;
    (void)name;
    /* Your code here. */
    return false;
}

/* Stage 6.17: how many words does each command take, its name too? */
enum verb verb_of(const struct resp_request *request)
{
    (void)request;
    /* Your code here. */
    return VERB_NONE;
}

bool is_read(enum verb verb)
{
    return verb == VERB_GET || verb == VERB_EXISTS;
}

/* --- entries --- */

/* Stage 6.17: an entry may be empty, or come from a server that checks less than yours.  What does
 * the parser remember of a wrong one when the next entry comes?  When may it say -1? */
int store_apply(struct store *store, const uint8_t *data, size_t len, enum dialect dialect,
                struct outbox *replies)
{
    (void)store;
    (void)data;
    (void)len;
    (void)dialect;
    (void)replies;
    /* Your code here. */
    return 0;
}

/* Stage 6.17: a request of 20 bytes, a reply of 15 MiB.  How much does a client that asks a thousand
 * times, and does not read, have this server keep? */
size_t store_reply_size(const struct store *store, struct resp_word key)
{
    (void)store;
    (void)key;
    /* Your code here. */
    return 0;
}

/* --- all of it --- */

/* Stage 6.17: a table with a secret of its own, getrandom(2).  Must it be the same one on all
 * servers? */
struct store *store_new(void)
{
    struct store *store = calloc(1, sizeof *store);

    /* Your code here. */
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    /* What belongs to it?  Your code here. */
    free(store);
}
