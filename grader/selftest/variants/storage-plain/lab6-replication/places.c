/* places.c - the places of places.h. */
#include "places.h"

#include <stdlib.h>

bool places_are_full(const struct places *places)
{
    return places->count == PLACES_MOST || places->expected >= PLACES_MOST_BYTES;
}

struct place *places_at(struct places *places, size_t i)
{
    return &places->ring[(places->first + i) % PLACES_MOST];
}

struct place *places_add(struct places *places, struct place place)
{
    struct place *added = places_at(places, places->count++);

    *added = place;
    places->expected += place.expected;
    return added;
}

void places_drop_first(struct places *places)
{
    struct place *first = places_at(places, 0);

    places->expected -= first->expected;
    free(first->text.bytes);
    places->first = (places->first + 1) % PLACES_MOST;
    places->count--;
}

struct place *places_first_open(struct places *places)
{
    for (size_t i = 0; i < places->count; i++)
        if (places_at(places, i)->state != PLACE_KNOWN)
            return places_at(places, i);
    return NULL;
}

struct place *places_find(struct places *places, int32_t index)
{
    for (size_t i = 0; i < places->count; i++) {
        struct place *place = places_at(places, i);
        if (place->state == PLACE_PROPOSED && place->index == index)
            return place;
    }
    return NULL;
}

void place_answer(struct place *place, struct text text)
{
    free(place->text.bytes);
    place->text = text;
    place->state = PLACE_KNOWN;
}
