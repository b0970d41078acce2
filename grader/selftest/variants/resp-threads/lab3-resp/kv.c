/* kv.c - the table of kv.h: buckets, each a chain of entries, and at least a bucket for each entry. */
#include "kv.h"

#include "siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 64 };

struct entry {
    struct entry *next;
    uint64_t hash;
    uint8_t *value;
    size_t value_len, key_len;
    uint8_t key[];
};

struct kv {
    uint8_t secret[KV_SECRET_SIZE];
    struct entry **buckets;
    size_t bucket_count, count; /* the first is a power of two */
};

struct kv *kv_new(const uint8_t secret[KV_SECRET_SIZE])
{
    struct kv *kv = calloc(1, sizeof *kv);

    if (kv == NULL)
        return NULL;
    memcpy(kv->secret, secret, KV_SECRET_SIZE);
    kv->bucket_count = FIRST_BUCKETS;
    kv->buckets = calloc(kv->bucket_count, sizeof(struct entry *));
    if (kv->buckets != NULL)
        return kv;
    free(kv);
    return NULL;
}

static void free_entry(struct entry *entry)
{
    free(entry->value);
    free(entry);
}

void kv_free(struct kv *kv)
{
    if (kv == NULL)
        return;
    for (size_t i = 0; i < kv->bucket_count; i++)
        for (struct entry *entry = kv->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            free_entry(entry);
        }
    free(kv->buckets);
    free(kv);
}

static uint64_t hash_of(const struct kv *kv, struct resp_word key)
{
    return siphash(kv->secret, key.data, key.len);
}

static bool has_key(const struct entry *entry, uint64_t hash, struct resp_word key)
{
    return entry->hash == hash && entry->key_len == key.len &&
           (key.len == 0 || memcmp(entry->key, key.data, key.len) == 0);
}

/* The link to the entry, or the one at the end of its chain. */
static struct entry **find(const struct kv *kv, uint64_t hash, struct resp_word key)
{
    struct entry **link = &kv->buckets[hash & (kv->bucket_count - 1)];

    while (*link != NULL && !has_key(*link, hash, key))
        link = &(*link)->next;
    return link;
}

/* Without memory for more buckets, chains get longer. */
static void grow(struct kv *kv)
{
    size_t more = 2 * kv->bucket_count;
    struct entry **buckets = calloc(more, sizeof(struct entry *));

    if (buckets == NULL)
        return;
    for (size_t i = 0; i < kv->bucket_count; i++)
        for (struct entry *entry = kv->buckets[i], *next; entry != NULL; entry = next) {
            struct entry **bucket = &buckets[entry->hash & (more - 1)];
            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    free(kv->buckets);
    kv->buckets = buckets;
    kv->bucket_count = more;
}

static struct entry *new_entry(uint64_t hash, struct resp_word key)
{
    struct entry *entry = calloc(1, sizeof *entry + key.len);

    if (entry == NULL)
        return NULL;
    entry->hash = hash;
    entry->key_len = key.len;
    if (key.len > 0)
        memcpy(entry->key, key.data, key.len);
    return entry;
}

static struct entry *insert(struct kv *kv, uint64_t hash, struct resp_word key)
{
    struct entry *entry = new_entry(hash, key);

    if (entry == NULL)
        return NULL;
    if (kv->count >= kv->bucket_count)
        grow(kv);
    *find(kv, hash, key) = entry;
    kv->count++;
    return entry;
}

uint8_t *kv_put(struct kv *kv, struct resp_word key, size_t size)
{
    uint64_t hash = hash_of(kv, key);
    struct entry *entry = *find(kv, hash, key);
    uint8_t *value = malloc(size > 0 ? size : 1);

    if (value != NULL && entry == NULL)
        entry = insert(kv, hash, key);
    if (value == NULL || entry == NULL) {
        free(value);
        errno = ENOMEM;
        return NULL;
    }
    free(entry->value);
    entry->value = value;
    entry->value_len = size;
    return value;
}

bool kv_get(const struct kv *kv, struct resp_word key, struct resp_word *value)
{
    const struct entry *entry = *find(kv, hash_of(kv, key), key);

    if (entry == NULL)
        return false;
    *value = (struct resp_word){entry->value, entry->value_len};
    return true;
}

bool kv_del(struct kv *kv, struct resp_word key)
{
    struct entry **link = find(kv, hash_of(kv, key), key), *entry = *link;

    if (entry == NULL)
        return false;
    *link = entry->next;
    free_entry(entry);
    kv->count--;
    return true;
}
