/* request.h - requests that were read and not answered yet. */
#ifndef REQUEST_H
#define REQUEST_H

#include "resp.h"

/* So that its entry fits into a message. */
enum { REQUEST_LARGEST = 15 << 20 };

struct client;

/* Those that wait for their entries, of all clients. */
struct request_list {
    struct request *first, *last;
};

struct request {
    struct client *client;
    struct request *next; /* of the same client */
    size_t cost;
    bool is_known; /* then there is a reply */
    uint8_t *reply;
    size_t reply_size;
    /* While it is on a list: */
    struct request_list *list;
    struct request *older, *newer;
    int32_t index, term;
    int64_t due;
};

/* Those of one client, in the order in which they came. */
struct request_queue {
    struct request *first, *last;
    size_t owed; /* the costs of all of them */
};

/* Adds a request at the end.  NULL: no memory. */
struct request *request_push(struct request_queue *queue, struct client *client, size_t cost);

/* Frees the first one, and takes it from the list that it is on. */
void request_pop(struct request_queue *queue);

/* Keeps a copy.  False: no memory. */
bool request_set_reply(struct request *request, struct resp_word reply);

void request_link(struct request_list *list, struct request *request); /* at the end */
void request_unlink(struct request *request); /* of the list that it is on, if any */

/* Of a request whose beginning is the window, and was well-formed so far: whether its words, also
 * those of which only the length has come, take more than REQUEST_LARGEST.  *line is where the next
 * line begins that was not looked at; 0 at first. */
bool request_is_too_large(size_t *line, const uint8_t *window, size_t len);

#endif
