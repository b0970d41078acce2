/* election_ours.c - the student's core, and as much of a simulator as an election needs. */
#include "election_bench.h"
#include "raft.h"

#include <string.h>

enum { MOST_WAITING = 4096, MOST_SIZE = 64 };

/* Messages under way: all take as long, so the first one sent is the first one to arrive. */
struct letter {
    int64_t at;
    int32_t from, to;
    size_t len;
    uint8_t data[MOST_SIZE];
};

static struct letter waiting[MOST_WAITING];
static size_t first_waiting, end_waiting; /* they grow: the places are taken in turn */

static struct raft *rafts[MOST_SERVERS + 1];
static bool stopped[MOST_SERVERS + 1];
static int32_t ids[MOST_SERVERS + 1], count;
static int64_t now;

static void on_send(void *context, int32_t to, const uint8_t *message, size_t len)
{
    if (len > MOST_SIZE || end_waiting - first_waiting == MOST_WAITING)
        return; /* lost */
    struct letter *letter = &waiting[end_waiting++ % MOST_WAITING];
    *letter = (struct letter){.at = now + LATENCY_MS, *(const int32_t *)context, to, len, {0}};
    memcpy(letter->data, message, len);
}

static void on_save_vote(void *context, int32_t term, int32_t voted_for)
{
    (void)context;
    (void)term;
    (void)voted_for;
}

static void on_entry(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len)
{
    (void)context;
    (void)index;
    (void)term;
    (void)data;
    (void)len;
}

static void on_sync(void *context)
{
    (void)context;
}

static bool begin(int servers)
{
    count = servers;
    for (int32_t id = 1; id <= count; id++) {
        ids[id] = id;
        struct raft_host host = {&ids[id], on_send, on_save_vote, on_entry, on_sync, on_entry};
        struct raft_config config = {.id = id,
                                     .servers = count,
                                     .election_min_ms = ELECTION_MIN_MS,
                                     .election_max_ms = ELECTION_MAX_MS,
                                     .heartbeat_ms = HEARTBEAT_MS,
                                     .seed = (uint64_t)id};
        rafts[id] = raft_new(&config, &host, now);
        if (rafts[id] == NULL)
            return false;
    }
    return true;
}

static int leader_of_all(void)
{
    int32_t leader = RAFT_NOBODY;

    for (int32_t id = 1; id <= count; id++) {
        int32_t followed = raft_status(rafts[id]).leader;
        if (stopped[id])
            continue;
        if (followed == RAFT_NOBODY || stopped[followed] ||
            (leader != RAFT_NOBODY && followed != leader))
            return RAFT_NOBODY;
        leader = followed;
    }
    return leader;
}

/* What is next: a message that arrives, or a server's deadline. */
static void step(void)
{
    int32_t next = RAFT_NOBODY;
    int64_t at = first_waiting < end_waiting ? waiting[first_waiting % MOST_WAITING].at : INT64_MAX;

    for (int32_t id = 1; id <= count; id++)
        if (!stopped[id] && raft_deadline(rafts[id]) < at) {
            at = raft_deadline(rafts[id]);
            next = id;
        }
    now = at > now ? at : now;
    if (next != RAFT_NOBODY) {
        raft_tick(rafts[next], now);
        return;
    }
    const struct letter *letter = &waiting[first_waiting++ % MOST_WAITING];
    if (!stopped[letter->to])
        raft_receive(rafts[letter->to], now, letter->from, letter->data, letter->len);
}

static int elect(void)
{
    int64_t until = now + PATIENCE_MS;
    int leader;

    while ((leader = leader_of_all()) == RAFT_NOBODY && now < until)
        step();
    return leader;
}

static void stop(int server)
{
    stopped[server] = true;
}

static void resume(int server)
{
    stopped[server] = false;
}

const struct cluster_bench cluster = {begin, elect, stop, resume};
