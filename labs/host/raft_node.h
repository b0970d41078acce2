/* raft_node.h - the parts of raft_node: raft_node.c joins the core (raft.h), the network (peers.h)
 * and these. */
#ifndef RAFT_NODE_H
#define RAFT_NODE_H

#include "loop.h"
#include "raft.h"

/* --- raft_node_options.c --- */

struct node_options {
    const char *config, *data; /* data NULL: raft-<id> */
    int32_t election_min_ms, election_max_ms, heartbeat_ms;
    bool no_fsync, is_resp2;
};

/* False: they are wrong, and a usage line was printed. */
bool node_parse_options(int argc, char **argv, struct node_options *options);

/* --- raft_node_vote.c: the file that keeps term and vote --- */

struct vote_file {
    const char *name; /* of its folder; the caller sets this, and the next two */
    int32_t id;
    bool no_fsync;
    int folder, spare;
};

/* Opens the folder, which is made if it is not there, and reads the term and vote that were written
 * last; 0 and RAFT_NOBODY at first.  Prints what is wrong, and ends the program with status 1. */
void vote_file_open(struct vote_file *file, int32_t *term, int32_t *voted_for);

/* On return it outlives a loss of power; else the program ends, as above. */
void vote_file_write(struct vote_file *file, int32_t term, int32_t voted_for);

/* --- raft_node_clients.c --- */

/* What each client of this node needs to be served. */
struct node_clients {
    struct loop *loop;
    const struct raft *raft;
    int32_t self;
    bool is_resp2;
};

/* Serves a client that has come; fd is closed in the end. */
void node_serve_client(const struct node_clients *clients, int fd);

#endif
