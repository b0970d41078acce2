/* replication_ours.c - three servers of the student's core; messages are bytes, and all arrive. */
#include "raft.h"
#include "replication_bench.h"

#include <stdlib.h>

enum { MOST_WAITING = 64, PATIENCE_MS = 10000 };

/* A message on its way, in memory that the next one in its place uses again. */
struct letter {
    int32_t from, to;
    size_t len, room;
    uint8_t *data;
};

static struct letter waiting[MOST_WAITING];
static size_t first_waiting, end_waiting; /* they grow: the places are taken in turn */

static struct raft *rafts[SERVERS + 1];
static int32_t ids[SERVERS + 1];
static uint64_t applied[SERVERS + 1]; /* how many of the numbered entries */
static int32_t leader, before_first;  /* the entries before the first numbered one */
static bool is_wrong;
static int64_t now;

static void on_send(void *context, int32_t to, const uint8_t *message, size_t len)
{
    struct letter *letter = &waiting[end_waiting % MOST_WAITING];

    if (end_waiting - first_waiting == MOST_WAITING)
        return; /* lost */
    if (len > letter->room) {
        free(letter->data);
        letter->data = malloc(len);
        letter->room = letter->data == NULL ? 0 : len;
    }
    if (letter->data == NULL)
        return;
    letter->from = *(const int32_t *)context;
    letter->to = to;
    letter->len = len;
    memcpy(letter->data, message, len);
    end_waiting++;
}

static void on_save_vote(void *context, int32_t term, int32_t voted_for)
{
    (void)context;
    (void)term;
    (void)voted_for;
}

static void on_save_entry(void *context, int32_t index, int32_t term, const uint8_t *data,
                          size_t len)
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

/* What is empty, a leader put there itself. */
static void on_apply(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len)
{
    int32_t id = *(const int32_t *)context;

    (void)index;
    (void)term;
    if (len > 0 && !is_entry(data, len, applied[id]++))
        is_wrong = true;
}

static bool start(int32_t id, int32_t term, int32_t voted_for)
{
    struct raft_host host = {&ids[id], on_send, on_save_vote, on_save_entry, on_sync, on_apply};
    struct raft_config config = {.id = id,
                                 .servers = SERVERS,
                                 .election_min_ms = 150,
                                 .election_max_ms = 300,
                                 .heartbeat_ms = 50,
                                 .seed = (uint64_t)id,
                                 .term = term,
                                 .voted_for = voted_for};

    ids[id] = id;
    applied[id] = 0;
    rafts[id] = raft_new(&config, &host, now);
    return rafts[id] != NULL;
}

/* Whoever is due ticks; then what was sent first arrives; and if there is nothing of both, time
 * passes until there is: to the end of all patience, where nobody waits for anything. */
static void step(void)
{
    int64_t next = now + PATIENCE_MS;

    for (int32_t id = 1; id <= SERVERS; id++) {
        int64_t due = raft_deadline(rafts[id]);
        if (due <= now)
            raft_tick(rafts[id], now);
        else if (due < next)
            next = due;
    }
    if (first_waiting < end_waiting) {
        const struct letter *letter = &waiting[first_waiting++ % MOST_WAITING];
        raft_receive(rafts[letter->to], now, letter->from, letter->data, letter->len);
    } else {
        now = next;
    }
}

static bool run_until_applied(int32_t id, uint64_t count)
{
    int64_t until = now + PATIENCE_MS;

    while (applied[id] < count && !is_wrong && now < until)
        step();
    if (is_wrong)
        return complain("what was applied is not what was proposed");
    return applied[id] >= count || complain("what was proposed is not applied");
}

static bool begin(void)
{
    for (int32_t id = 1; id <= SERVERS; id++)
        if (!start(id, 0, RAFT_NOBODY))
            return complain("not enough memory");
    while (leader == RAFT_NOBODY && now < PATIENCE_MS) {
        step();
        for (int32_t id = 1; id <= SERVERS; id++)
            if (raft_status(rafts[id]).role == RAFT_LEADER)
                leader = id;
    }
    before_first = leader == RAFT_NOBODY ? 0 : raft_status(rafts[leader]).last_index;
    return leader != RAFT_NOBODY || complain("no leader was elected");
}

static bool commit(uint64_t first, int count, size_t size)
{
    static uint8_t data[MOST_SIZE];

    for (int i = 0; i < count; i++) {
        fill_entry(data, first + (uint64_t)i);
        if (raft_propose(rafts[leader], now, data, size) == 0)
            return complain("the leader takes no entry");
    }
    return run_until_applied(leader, first + (uint64_t)count);
}

/* The term is that of all entries: there was one election. */
static bool restart(uint64_t count, size_t size)
{
    static uint8_t data[MOST_SIZE];
    int32_t id = leader % SERVERS + 1;
    struct raft_status status = raft_status(rafts[id]);

    raft_free(rafts[id]);
    if (!start(id, status.term, status.voted_for))
        return complain("not enough memory");
    for (int32_t i = 0; i < before_first; i++)
        if (raft_load(rafts[id], status.term, NULL, 0) < 0)
            return complain("not enough memory");
    for (uint64_t number = 0; number < count; number++) {
        fill_entry(data, number);
        if (raft_load(rafts[id], status.term, data, size) < 0)
            return complain("not enough memory");
    }
    return run_until_applied(id, count);
}

const struct replicated_cluster cluster = {begin, commit, restart};
