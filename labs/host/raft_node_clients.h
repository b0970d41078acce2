/* raft_node_clients.h - the clients of raft_node. */
#ifndef RAFT_NODE_CLIENTS_H
#define RAFT_NODE_CLIENTS_H

#include "raft_node.h"

/* What each of them needs to be served. */
struct node_clients {
    struct loop *loop;
    const struct raft *raft;
    int32_t self;
    bool is_resp2;
};

/* Serves a client that has come; fd is closed in the end. */
void node_serve_client(const struct node_clients *clients, int fd);

#endif
