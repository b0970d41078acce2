/* store.h - what all clients share: the commands, done one at a time, whoever asks. */
#ifndef STORE_H
#define STORE_H

#include "kv.h"
#include "window.h"

#include <pthread.h>

struct store {
    pthread_mutex_t lock;
    struct kv *kv;
};

/* With a secret that nobody knows.  -1 with errno. */
int store_init(struct store *store);

/* Does what is asked for and adds the reply to out; a copy, so that nobody waits for a slow client.
 * False: no memory for it. */
bool store_execute(struct store *store, const struct resp_request *request, struct window *out);

#endif
