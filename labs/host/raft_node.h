/* raft_node.h - the parts of raft_node, and of raft_pools: each joins the core (raft.h), the
 * network (peers.h) and these.  kvraft takes the first two. */
#ifndef RAFT_NODE_H
#define RAFT_NODE_H

#include "cluster.h"
#include "loop.h"
#include "raft.h"
#include "resp.h"

/* --- raft_node_options.c --- */

struct node_options {
    const char *config, *data; /* data NULL: raft-<id> */
    int32_t election_min_ms, election_max_ms, heartbeat_ms;
    bool no_fsync, is_resp2, is_read_index;
    int32_t client_workers, raft_workers;
};

/* What a node has beside the options that all have. */
enum node_further { NODE_NOTHING, NODE_WORKERS, NODE_READ_INDEX };

/* False: they are wrong, and a usage line was printed. */
bool node_parse_options(int argc, char **argv, enum node_further further,
                        struct node_options *options);

/* --- raft_node_cluster.c: what every node starts from --- */

/* False, with a line printed: something is wrong with the cluster's file. */
bool node_read_cluster(struct cluster *cluster, const struct node_options *options);

/* Where this node keeps what it must not forget. */
const char *node_folder(const struct cluster *cluster, const struct node_options *options);

/* But for the term and vote that were saved. */
struct raft_config node_raft_config(const struct cluster *cluster,
                                    const struct node_options *options);

/* Of the clock that the core's times are of. */
int64_t node_now_ms(void);

/* Sets a timer for a time of that clock; one that is past is now. */
void node_set_timer(struct loop *loop, struct loop_timer *timer, int64_t deadline);

/* ADDRESS:PORT, where clients come; and the line that says so, when they may. */
const char *node_address(const struct cluster *cluster);
void node_say_ready(const struct cluster *cluster);

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

/* --- raft_node_core.c: a core that saves its vote, and what it is made from --- */

struct node_core {
    struct cluster cluster;
    struct raft *raft;
    void (*send)(void *context, int32_t to, const uint8_t *message, size_t len); /* see raft.h */
    void *context;
    struct vote_file vote_file;
    int32_t term, voted_for;
    bool is_saved; /* these two are on the disk */
};

/* With its cluster read, and send and context set.  Ends the program if it can't be done. */
void node_make_core(struct node_core *core, const struct node_options *options);

/* --- raft_node_requests.c: bytes of a client in, replies out --- */

enum { NODE_LONGEST_REPLY = 64 };

/* What a client's requests need.  One of the two parsers is NULL. */
struct node_requests {
    int32_t self;
    struct resp_parser *parser;
    struct resp2_parser *parser2;
};

struct node_reply {
    char text[NODE_LONGEST_REPLY];
    size_t len; /* may be 0 */
};

/* False: no memory. */
bool node_requests_init(struct node_requests *requests, int32_t self, bool is_resp2);
void node_requests_free(struct node_requests *requests);

/* Answers the request at the start of a window; leader as in struct raft_status.  *reply is set on
 * all results but RESP_MORE; *size on RESP_DONE: bytes that it took.  On all others the reply is
 * the connection's last. */
enum resp_result node_answer(struct node_requests *requests, int32_t leader, const uint8_t *window,
                             size_t len, struct node_reply *reply, size_t *size);

#endif
