/* places.c - the places of places.h. */
#include "places.h"

#include <stdlib.h>
#include <string.h>

struct place *place_new(struct client *client)
{
    struct place *place = calloc(1, sizeof *place);

    if (place != NULL)
        *place = (struct place){.client = client, .state = PLACE_KNOWN};
    return place;
}

static void leave_line(struct place *place)
{
    struct line *line = place->line;

    if (line == NULL)
        return;
    *(place->before != NULL ? &place->before->behind : &line->first) = place->behind;
    *(place->behind != NULL ? &place->behind->before : &line->last) = place->before;
    place->line = NULL;
}

void place_free(struct place *place)
{
    leave_line(place);
    free(place->request);
    free(place->reply);
    free(place);
}

void place_wait(struct place *place, struct line *line)
{
    place->state = PLACE_WAITING;
    place->line = line;
    place->behind = NULL;
    place->before = line->last;
    *(line->last != NULL ? &line->last->behind : &line->first) = place;
    line->last = place;
}

void place_end(struct place *place, enum place_state state)
{
    leave_line(place);
    if (place->state != PLACE_UNKNOWN)
        place->state = state;
}

static bool make_room(struct place *place, size_t len)
{
    size_t room = place->len + len;

    if (room <= place->room)
        return true;
    uint8_t *reply = realloc(place->reply, room);
    if (reply == NULL)
        return false;
    place->reply = reply;
    place->room = room;
    return true;
}

void place_put(struct place *place, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (!make_room(place, len)) {
        place->state = PLACE_UNKNOWN;
        return;
    }
    memcpy(place->reply + place->len, data, len);
    place->len += len;
}
