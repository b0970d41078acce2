/* places.h - what one client waits for: an array of places, in the order of its requests. */
#ifndef PLACES_H
#define PLACES_H

#include "raft_read.h"
#include "table.h"

enum { PLACES_MOST = 128, PLACES_MOST_BYTES = 1 << 20 };

enum place_state {
    PLACE_KNOWN,     /* there is a reply */
    PLACE_PROPOSED,  /* its entry is in the log */
    PLACE_READING,   /* a read without an entry */
    PLACE_DISPLACED, /* another entry came at its index: it was not executed */
};

struct place {
    enum place_state state;
    bool is_read;
    int32_t index, term;   /* of its entry */
    struct raft_read read; /* of PLACE_READING: of the key that stands in text */
    int64_t due_ms;
    size_t expected; /* bytes of its reply, as far as one can tell */
    struct text text;
};

/* A ring.  All zero: empty. */
struct places {
    struct place ring[PLACES_MOST];
    size_t first, count, expected;
};

/* Whether no more can be taken now. */
bool places_are_full(const struct places *places);

/* A new one at the end; expected is to be as large as its reply will be. */
struct place *places_add(struct places *places, struct place place);
struct place *places_at(struct places *places, size_t i);
void places_drop_first(struct places *places);

/* The first place that is not PLACE_KNOWN, or NULL. */
struct place *places_first_open(struct places *places);

/* The one whose entry has this index, or NULL. */
struct place *places_find(struct places *places, int32_t index);

/* Now it is known; text is the place's. */
void place_answer(struct place *place, struct text text);

#endif
