/* kv.c - the hash table of kv.h: open addressing.
 *
 * Slots are looked at one after the other from where a key's hash points to, up to the first that
 * is free.  To delete, what follows is moved back, so that there are no tombstones.  An entry is
 * one block: its key, and its value behind it. */
#include "kv.h"

#include "siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST_SLOTS = 16 };

struct entry {
    size_t key_len, value_len;
    uint8_t bytes[];
};

/* The hash is here too, so that most slots are passed without a look at their entries. */
struct slot {
    uint64_t hash;
    struct entry *entry; /* NULL: free */
};

struct kv {
    uint8_t secret[KV_SECRET_SIZE];
    struct slot *slots;
    size_t slot_count, used; /* slot_count is a power of two, and greater than used */
};

struct kv *kv_new(const uint8_t secret[KV_SECRET_SIZE])
{
    struct kv *kv = calloc(1, sizeof *kv);
    struct slot *slots = calloc(FEWEST_SLOTS, sizeof *slots);

    if (kv == NULL || slots == NULL) {
        free(slots);
        free(kv);
        return NULL;
    }
    memcpy(kv->secret, secret, KV_SECRET_SIZE);
    kv->slots = slots;
    kv->slot_count = FEWEST_SLOTS;
    return kv;
}

void kv_free(struct kv *kv)
{
    if (kv == NULL)
        return;
    for (size_t i = 0; i < kv->slot_count; i++)
        free(kv->slots[i].entry);
    free(kv->slots);
    free(kv);
}

static bool has_key(const struct entry *entry, struct resp_word key)
{
    return entry->key_len == key.len &&
           (key.len == 0 || memcmp(entry->bytes, key.data, key.len) == 0);
}

static size_t next(const struct kv *kv, size_t at)
{
    return (at + 1) & (kv->slot_count - 1);
}

static uint64_t hash_of(const struct kv *kv, struct resp_word key)
{
    return siphash(kv->secret, key.data, key.len);
}

/* The slot with this key, or the free one where it would be. */
static struct slot *find(const struct kv *kv, uint64_t hash, struct resp_word key)
{
    size_t at = hash & (kv->slot_count - 1);

    while (kv->slots[at].entry != NULL &&
           (kv->slots[at].hash != hash || !has_key(kv->slots[at].entry, key)))
        at = next(kv, at);
    return &kv->slots[at];
}

static void move_in(struct kv *kv, struct slot slot)
{
    size_t at = slot.hash & (kv->slot_count - 1);

    while (kv->slots[at].entry != NULL)
        at = next(kv, at);
    kv->slots[at] = slot;
}

/* False: no memory, and all is as it was. */
static bool resize(struct kv *kv, size_t slot_count)
{
    struct slot *old = kv->slots, *slots = calloc(slot_count, sizeof *slots);
    size_t old_count = kv->slot_count;

    if (slots == NULL)
        return false;
    kv->slots = slots;
    kv->slot_count = slot_count;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].entry != NULL)
            move_in(kv, old[i]);
    free(old);
    return true;
}

/* For one more.  Without memory a fuller table is slower; but one slot must stay free. */
static bool make_room(struct kv *kv)
{
    if (kv->used + 1 <= kv->slot_count / 3 * 2)
        return true;
    return resize(kv, 2 * kv->slot_count) || kv->used + 2 <= kv->slot_count;
}

static struct entry *new_entry(struct resp_word key, size_t size)
{
    struct entry *entry;

    if (size > SIZE_MAX - sizeof *entry || key.len > SIZE_MAX - sizeof *entry - size) {
        errno = ENOMEM;
        return NULL;
    }
    entry = malloc(sizeof *entry + key.len + size);
    if (entry == NULL)
        return NULL;
    entry->key_len = key.len;
    entry->value_len = size;
    if (key.len > 0)
        memcpy(entry->bytes, key.data, key.len);
    return entry;
}

uint8_t *kv_put(struct kv *kv, struct resp_word key, size_t size)
{
    uint64_t hash = hash_of(kv, key);
    struct entry *entry = new_entry(key, size);
    struct slot *slot = find(kv, hash, key);

    if (entry == NULL)
        return NULL;
    if (slot->entry == NULL) {
        if (!make_room(kv)) {
            free(entry);
            errno = ENOMEM;
            return NULL;
        }
        slot = find(kv, hash, (struct resp_word){entry->bytes, key.len});
        kv->used++;
    }
    free(slot->entry);
    *slot = (struct slot){hash, entry};
    return entry->bytes + entry->key_len;
}

bool kv_get(const struct kv *kv, struct resp_word key, struct resp_word *value)
{
    const struct entry *entry = find(kv, hash_of(kv, key), key)->entry;

    if (entry == NULL)
        return false;
    *value = (struct resp_word){entry->bytes + entry->key_len, entry->value_len};
    return true;
}

/* Moves back what would not be found any more with a free slot before it. */
static void close_gap(struct kv *kv, size_t gap)
{
    size_t mask = kv->slot_count - 1;

    for (size_t at = next(kv, gap); kv->slots[at].entry != NULL; at = next(kv, at)) {
        size_t home = kv->slots[at].hash & mask;
        if (((at - home) & mask) < ((at - gap) & mask))
            continue; /* its home is behind the gap */
        kv->slots[gap] = kv->slots[at];
        gap = at;
    }
    kv->slots[gap] = (struct slot){0};
}

bool kv_del(struct kv *kv, struct resp_word key)
{
    struct slot *slot = find(kv, hash_of(kv, key), key);

    if (slot->entry == NULL)
        return false;
    free(slot->entry);
    close_gap(kv, (size_t)(slot - kv->slots));
    kv->used--;
    if (kv->slot_count > FEWEST_SLOTS && kv->used < kv->slot_count / 8)
        resize(kv, kv->slot_count / 2);
    return true;
}
