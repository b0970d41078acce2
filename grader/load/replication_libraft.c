/* replication_libraft.c - three servers of canonical/raft.  Messages are structs, with a copy of
 * the entries as the receiver wants them; saving costs nothing; the log is never compacted. */
#include "replication_bench.h"

#include <raft/fixture.h> /* and with it the library's raft.h: labs/include has another one */

#include <limits.h>
#include <stdlib.h>

enum { MOST_WAITING = 256, TICK_MS = 10, PATIENCE_MS = 10000 };

/* What is to come: a message, or one of the two calls that say that something is done. */
struct event {
    int to; /* a server, from 0 */
    struct raft_message message;
    struct raft_io_send *sent;
    raft_io_send_cb on_sent;
    struct raft_io_append *appended;
    raft_io_append_cb on_appended;
};

static struct event waiting[MOST_WAITING];
static size_t first_waiting, end_waiting; /* they grow: the places are taken in turn */

static struct raft rafts[SERVERS];
static struct raft_io ios[SERVERS];
static struct raft_fsm machines[SERVERS];
static struct {
    raft_io_tick_cb tick;
    raft_io_recv_cb receive;
    uint64_t applied; /* how many entries */
} servers[SERVERS];
static const char *const addresses[SERVERS] = {"1", "2", "3"};

static struct raft_configuration members;
static int leader = -1;
static bool is_wrong;
static raft_time now;

/* --- the library's view of a disk and a network: struct raft_io --- */

static int number_of(const struct raft_io *io)
{
    return (int)(io - ios);
}

static int enqueue(const struct event *event)
{
    if (end_waiting - first_waiting == MOST_WAITING)
        return RAFT_BUSY;
    waiting[end_waiting++ % MOST_WAITING] = *event;
    return 0;
}

static int io_init(struct raft_io *io, raft_id id, const char *address)
{
    (void)io;
    (void)id;
    (void)address;
    return 0;
}

static int io_load(struct raft_io *io, raft_term *term, raft_id *voted_for,
                   struct raft_snapshot **snapshot, raft_index *start, struct raft_entry **entries,
                   size_t *count)
{
    struct raft_entry *first = raft_calloc(1, sizeof *first);

    (void)io;
    *term = 1;
    *voted_for = 0;
    *snapshot = NULL;
    *start = 1;
    *entries = first;
    *count = 1;
    if (first == NULL)
        return RAFT_NOMEM;
    first->term = 1;
    first->type = RAFT_CHANGE;
    return raft_configuration_encode(&members, &first->buf);
}

static int io_start(struct raft_io *io, unsigned ms, raft_io_tick_cb tick, raft_io_recv_cb receive)
{
    (void)ms;
    servers[number_of(io)].tick = tick;
    servers[number_of(io)].receive = receive;
    return 0;
}

static int io_set_term(struct raft_io *io, raft_term term)
{
    (void)io;
    (void)term;
    return 0;
}

static int io_set_vote(struct raft_io *io, raft_id id)
{
    (void)io;
    (void)id;
    return 0;
}

/* One piece of memory for the data of all, which the receiver comes to own. */
static int copy_entries(struct raft_append_entries *m)
{
    const struct raft_entry *from = m->entries;
    size_t size = 0;

    for (unsigned i = 0; i < m->n_entries; i++)
        size += from[i].buf.len;
    m->entries = raft_malloc(m->n_entries * sizeof *m->entries);
    uint8_t *data = raft_malloc(size), *batch = data;
    if (m->entries == NULL || data == NULL)
        return RAFT_NOMEM;
    for (unsigned i = 0; i < m->n_entries; i++) {
        m->entries[i] = (struct raft_entry){from[i].term,
                                            from[i].type,
                                            {.base = data, .len = from[i].buf.len},
                                            batch};
        memcpy(data, from[i].buf.base, from[i].buf.len);
        data += from[i].buf.len;
    }
    return 0;
}

static int io_send(struct raft_io *io, struct raft_io_send *request,
                   const struct raft_message *message, raft_io_send_cb done)
{
    int from = number_of(io), to = (int)message->server_id - 1;
    struct event arrival = {.to = to, .message = *message};
    struct event sent = {.to = from, .sent = request, .on_sent = done};
    int error = 0;

    arrival.message.server_id = (raft_id)from + 1;
    arrival.message.server_address = addresses[from];
    if (message->type == RAFT_IO_APPEND_ENTRIES && message->append_entries.n_entries > 0)
        error = copy_entries(&arrival.message.append_entries);
    if (error == 0)
        error = enqueue(&arrival);
    return error == 0 ? enqueue(&sent) : error;
}

static int io_append(struct raft_io *io, struct raft_io_append *request,
                     const struct raft_entry *entries, unsigned count, raft_io_append_cb done)
{
    struct event event = {.to = number_of(io), .appended = request, .on_appended = done};

    (void)entries;
    (void)count;
    return enqueue(&event);
}

static int io_truncate(struct raft_io *io, raft_index index)
{
    (void)io;
    (void)index;
    return 0;
}

static raft_time io_time(struct raft_io *io)
{
    (void)io;
    return now;
}

/* A server's number, so that no two stand for election at once. */
static int io_random(struct raft_io *io, int least, int most)
{
    int chosen = least + TICK_MS * number_of(io);

    return chosen < most ? chosen : most;
}

/* --- the cluster --- */

/* Entries of the library's own do not come here. */
static int on_apply(struct raft_fsm *machine, const struct raft_buffer *data, void **result)
{
    if (!is_entry(data->base, data->len, servers[machine - machines].applied++))
        is_wrong = true;
    *result = NULL;
    return 0;
}

static bool start(int i)
{
    ios[i] = (struct raft_io){.version = 1,
                              .init = io_init,
                              .load = io_load,
                              .start = io_start,
                              .set_term = io_set_term,
                              .set_vote = io_set_vote,
                              .send = io_send,
                              .append = io_append,
                              .truncate = io_truncate,
                              .time = io_time,
                              .random = io_random};
    machines[i] = (struct raft_fsm){.version = 1, .apply = on_apply};
    if (raft_init(&rafts[i], &ios[i], &machines[i], (raft_id)i + 1, addresses[i]) != 0)
        return false;
    raft_set_snapshot_threshold(&rafts[i], UINT_MAX);
    return raft_start(&rafts[i]) == 0;
}

/* What was asked for first comes first; and if nothing is to come, time passes. */
static void step(void)
{
    if (first_waiting == end_waiting) {
        now += TICK_MS;
        for (int i = 0; i < SERVERS; i++)
            servers[i].tick(&ios[i]);
        return;
    }
    struct event event = waiting[first_waiting++ % MOST_WAITING];
    if (event.on_sent != NULL)
        event.on_sent(event.sent, 0);
    else if (event.on_appended != NULL)
        event.on_appended(event.appended, 0);
    else
        servers[event.to].receive(&ios[event.to], &event.message);
}

static bool begin(void)
{
    raft_configuration_init(&members);
    for (int i = 0; i < SERVERS; i++)
        if (raft_configuration_add(&members, (raft_id)i + 1, addresses[i], RAFT_VOTER) != 0)
            return complain("not enough memory");
    for (int i = 0; i < SERVERS; i++)
        if (!start(i))
            return complain("a server does not start");
    while (leader < 0 && now < PATIENCE_MS) {
        step();
        for (int i = 0; i < SERVERS; i++)
            if (raft_state(&rafts[i]) == RAFT_LEADER)
                leader = i;
    }
    return leader >= 0 || complain("no leader was elected");
}

static void on_committed(struct raft_apply *request, int status, void *result)
{
    (void)request;
    (void)result;
    is_wrong = is_wrong || status != 0;
}

static bool commit(uint64_t first, int count, size_t size)
{
    static struct raft_buffer entries[MOST_BATCH];
    static struct raft_apply request;
    raft_time until = now + PATIENCE_MS;

    for (int i = 0; i < count; i++) {
        entries[i] = (struct raft_buffer){raft_calloc(1, size), size};
        if (entries[i].base == NULL)
            return complain("not enough memory");
        fill_entry(entries[i].base, first + (uint64_t)i);
    }
    if (raft_apply(&rafts[leader], &request, entries, (unsigned)count, on_committed) != 0)
        return complain("the leader takes no entry");
    while (servers[leader].applied < first + (uint64_t)count && !is_wrong && now < until)
        step();
    if (is_wrong)
        return complain("what was applied is not what was proposed");
    return servers[leader].applied >= first + (uint64_t)count ||
           complain("what was proposed is not applied");
}

const struct replicated_cluster cluster = {begin, commit, NULL};
