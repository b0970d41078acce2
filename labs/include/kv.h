/* kv.h - a hash table of byte strings.
 *
 * Keys and values may hold any byte, or none at all.  What they mean is the caller's affair: a
 * server that keeps each value as the very reply that GET has to give answers with a copy. */
#ifndef KV_H
#define KV_H

#include "resp.h"

enum { KV_SECRET_SIZE = 16 };

struct kv;

/* The hash is keyed with secret: random bytes, so that nobody who chooses keys can choose where
 * they fall, and make them all fall together.  NULL with errno (ENOMEM). */
struct kv *kv_new(const uint8_t secret[KV_SECRET_SIZE]);
void kv_free(struct kv *kv);

/* Makes room for a value of size bytes under a copy of key, instead of what key had before, and
 * lends it to be filled in.  (So a value is written once, where it stays.)  NULL with errno
 * (ENOMEM): then what was before stays. */
uint8_t *kv_put(struct kv *kv, struct resp_word key, size_t size);

/* Whether there is such a key; then *value is lent until the next kv_put or kv_del. */
bool kv_get(const struct kv *kv, struct resp_word key, struct resp_word *value);

/* Whether there was such a key; now there is none. */
bool kv_del(struct kv *kv, struct resp_word key);

#endif
