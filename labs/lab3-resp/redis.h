/* redis.h - the commands that ordinary Redis tools send, answered as Redis answers them. */
#ifndef REDIS_H
#define REDIS_H

#include "kv.h"
#include "replies.h"

/* What is known of one client.  All zero at first. */
struct redis_client {
    bool speaks_resp3; /* HELLO 3: null is "_", and a map is no array */
    bool has_quit;     /* that was its last command */
};

/* Does what is asked for, and adds the reply. */
void redis_execute(struct kv *kv, struct redis_client *client, const struct resp_request *request,
                   struct replies *replies);

#endif
