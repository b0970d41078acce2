/* kvraft_node.h - the parts of the node kvraft, beside those that it shares with raft_node. */
#ifndef KVRAFT_NODE_H
#define KVRAFT_NODE_H

#include "raft_node.h"
#include "storage.h"

/* --- kvraft_core.c: a core, and the folder that it keeps its vote and log in --- */

struct durable_core {
    struct cluster cluster;
    struct raft *raft;
    struct storage *storage;
    void (*send)(void *context, int32_t to, const uint8_t *message, size_t len); /* see raft.h */
    void (*apply)(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len);
    void *context;
};

/* Makes the core, from all that the folder holds.  With the cluster read, and send, apply and
 * context set.  Ends the program if it can't be done; and later, if something can't be saved. */
void durable_core_open(struct durable_core *core, const struct node_options *options);

#endif
