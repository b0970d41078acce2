/* kvraft.h - a store that a cluster keeps: clients' commands become entries of the log, and entries
 * that were applied become replies.
 *
 * It knows the server that it runs on by a few calls (struct kvraft_server), which the node around
 * it makes.  All runs on one loop. */
#ifndef KVRAFT_H
#define KVRAFT_H

#include "loop.h"
#include "raft_read.h"

struct kvraft;

struct kvraft_server {
    void *context;
    /* As raft_propose and raft_status, now.  What was proposed is sent, synced and counted a little
     * later, in this turn of the loop or the next: all of it together. */
    int32_t (*propose)(void *context, const uint8_t *data, size_t len);
    struct raft_status (*status)(void *context);
    /* An extension, as raft_begin_read and raft_may_read; NULL: reads are entries. */
    bool (*begin_read)(void *context, struct raft_read *read);
    bool (*may_read)(void *context, const struct raft_read *read);
};

struct kvraft_config {
    int32_t id;              /* of this server */
    int32_t election_max_ms; /* the longest election timeout: how long a reply may have to wait */
    bool is_resp2;           /* requests and replies as in resp2.h, else as in resp.h */
};

/* NULL with errno (ENOMEM).  server is copied. */
struct kvraft *kvraft_new(struct loop *loop, const struct kvraft_config *config,
                          const struct kvraft_server *server);

/* Closes all clients.  The loop lives on. */
void kvraft_free(struct kvraft *kvraft);

/* Serves a client that has come; fd is closed in the end, also if there is no memory for it. */
void kvraft_serve(struct kvraft *kvraft, int fd);

/* As apply of raft.h: does what the entry asks for, once, whoever proposed it.  An entry that is no
 * valid command does nothing.  Of the server calls may_read at most.  -1 with errno (ENOMEM): it is
 * not done, and the server has to end, since its store is another one than those of the others. */
int kvraft_apply(struct kvraft *kvraft, int32_t index, int32_t term, const uint8_t *data,
                 size_t len);

/* To be called after each call of the core, when it has returned: sends the replies of what was
 * applied, and ends what can't be answered if this server leads no more. */
void kvraft_settle(struct kvraft *kvraft);

#endif
