/* eager.h - what the parts of an eager server share, beside raft_state.h.
 *
 * It does all that is allowed, as soon as it is: what is saved is saved again and synced at once,
 * what was asked is asked again, every message but a heartbeat's reply may get an answer, and it
 * wants to be called all the time. */
#ifndef EAGER_H
#define EAGER_H
#include "raft_state.h"

enum { LONGEST_SLEEP_MS = 10 };

/* raft is the first member: a pointer to it is one to the server. */
struct server {
    struct raft raft;
    uint64_t refusals;  /* a candidate's: bit id - 1 for each server that refused its vote */
    int64_t repeat_due; /* a candidate asks again then */
};

/* How a role does what happens to a server.  The messages are of the server's own term. */
struct conduct {
    void (*pass_time)(struct server *server);
    int64_t (*deadline)(const struct server *server);
    void (*on_vote)(struct server *server, int32_t from, bool is_granted);
    bool (*on_append)(struct server *server, const struct append_entries *request);
    void (*on_asked)(struct server *server); /* for a vote, in vain */
};

/* --- election.c --- */
const struct conduct *conduct_of(const struct server *server);
void begin_to_follow(struct server *server, int64_t now);
void obey_newer_term(struct server *server, int32_t term);
void answer_candidate(struct server *server, const struct request_vote *request);

/* --- effects.c --- */
/* As raft_set_vote, of what is so already. */
void save_again(struct server *server);
void send_vote(struct server *server, int32_t to, bool is_granted);
bool is_id(const struct server *server, int32_t id);

/* --- times.c --- */
/* The time in so many milliseconds, or the last that there is. */
int64_t time_in(const struct server *server, int64_t ms);
int64_t earlier(int64_t a, int64_t b);

/* --- plausible.c --- */
/* Whether a correct server of this cluster may have sent the message on a connection of from. */
bool is_plausible(const struct server *server, int32_t from, const struct message *m);
int32_t term_of(const struct message *m);

#endif
