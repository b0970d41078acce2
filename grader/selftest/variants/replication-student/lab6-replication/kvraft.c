/* kvraft.c - the store of kvraft.h: what clients ask for becomes entries, and what was applied
 * becomes replies.
 *
 * A request that was proposed waits in the line of entries under its index and term, and a read
 * that needs no entry in the line of reads.  (places.h)  What waits was proposed in one leadership:
 * when that is lost, nobody knows what will become of the entries, and their clients are told
 * nothing.  The clients themselves are in kvraft_clients.c. */
#include "kvraft_state.h"

#include "connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE = 5 }; /* maximum election timeouts that a client may have to wait */

/* Not executed, and this is certain. */
static void redirect(const struct kvraft *kvraft, struct place *place)
{
    struct raft_status status = kvraft->server.status(kvraft->server.context);
    char text[64] = "+TRYAGAIN\r\n";

    if (status.leader != RAFT_NOBODY && status.leader != kvraft->config.id)
        snprintf(text, sizeof text, "+MOVED %d\r\n", status.leader);
    place_put(place, text, strlen(text));
}

static void end_waiting(struct place *place, enum place_state state)
{
    place_end(place, state);
    kvraft_make_ready(place->client);
}

/* --- entries and reads --- */

/* The one whose entry this is.  Indexes rise along the line, and so they are applied. */
static struct place *find_place(struct kvraft *kvraft, int32_t index, int32_t term)
{
    struct place *place = kvraft->entries.first;

    if (place == NULL || place->index != index)
        return NULL;
    if (place->term == term)
        return place;
    redirect(kvraft, place); /* another leader's entry is there: this one's is gone for good */
    end_waiting(place, PLACE_KNOWN);
    return NULL;
}

static int execute(struct kvraft *kvraft, struct place *place, const uint8_t *data, size_t len)
{
    struct redis_client nobody = {0};

    kvraft->results.context = place;
    int result = store_apply(kvraft->store, data, len, place != NULL ? &place->redis : &nobody,
                             &kvraft->results);
    replies_flush(&kvraft->results);
    if (place != NULL)
        end_waiting(place, PLACE_KNOWN);
    return result;
}

/* Reads that may be done now.  Who asked first may first: so it ends with one who may not. */
static int do_reads(struct kvraft *kvraft)
{
    struct place *next;

    for (struct place *place = kvraft->reads.first; place != NULL; place = next) {
        next = place->behind;
        if (!kvraft->server.may_read(kvraft->server.context, &place->read))
            return 0;
        if (place->index <= kvraft->applied &&
            execute(kvraft, place, place->request, place->request_len) < 0)
            return -1;
    }
    return 0;
}

/* A read does not see what its client asked for behind it: so it is done before. */
int kvraft_apply(struct kvraft *kvraft, int32_t index, int32_t term, const uint8_t *data,
                 size_t len)
{
    if (do_reads(kvraft) < 0)
        return -1;
    kvraft->applied = index;
    return execute(kvraft, find_place(kvraft, index, term), data, len);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A read that was not done had no effect, whatever happens later. */
static void give_up(struct kvraft *kvraft, struct place *place)
{
    if (place->line == &kvraft->entries) {
        end_waiting(place, PLACE_UNKNOWN);
    } else {
        redirect(kvraft, place);
        end_waiting(place, PLACE_KNOWN);
    }
}

/* Those that wait since before this time, or all. */
static void give_up_line(struct kvraft *kvraft, const struct line *line, int64_t since_ms)
{
    while (line->first != NULL && line->first->since_ms <= since_ms)
        give_up(kvraft, line->first);
}

static bool has_lost(const struct kvraft *kvraft)
{
    const struct place *place = kvraft->entries.first;
    struct raft_status status = kvraft->server.status(kvraft->server.context);

    if (place == NULL)
        place = kvraft->reads.first;
    return place != NULL && (status.role != RAFT_LEADER || status.term != place->term);
}

static int64_t patience_ms(const struct kvraft *kvraft)
{
    return (int64_t)PATIENCE * kvraft->config.election_max_ms;
}

static void set_timer(struct kvraft *kvraft)
{
    const struct place *entry = kvraft->entries.first, *read = kvraft->reads.first;
    const struct place *first = entry;

    if (entry == NULL || (read != NULL && read->since_ms < entry->since_ms))
        first = read;
    if (first == NULL) {
        loop_clear_timer(kvraft->loop, &kvraft->timer);
        return;
    }
    int64_t delay = first->since_ms + patience_ms(kvraft) - now_ms();
    loop_set_timer(kvraft->loop, &kvraft->timer, delay > 0 ? delay : 0);
}

static void give_up_waiting(void *context)
{
    struct kvraft *kvraft = context;
    int64_t since_ms = now_ms() - patience_ms(kvraft);

    give_up_line(kvraft, &kvraft->entries, since_ms);
    give_up_line(kvraft, &kvraft->reads, since_ms);
    kvraft_serve_ready(kvraft);
    set_timer(kvraft);
}

void kvraft_settle(struct kvraft *kvraft)
{
    if (has_lost(kvraft)) {
        give_up_line(kvraft, &kvraft->entries, INT64_MAX);
        give_up_line(kvraft, &kvraft->reads, INT64_MAX);
    }
    /* A read that finds no memory has changed nothing, and waits. */
    (void)do_reads(kvraft);
    kvraft_serve_ready(kvraft);
    set_timer(kvraft);
}

/* --- what clients ask for --- */

static bool begin_read(struct kvraft *kvraft, struct place *place)
{
    struct client *client = place->client;

    if (kvraft->server.begin_read == NULL ||
        !kvraft->server.begin_read(kvraft->server.context, &place->read))
        return false;
    place->index = place->read.index;
    if (client->last_index > place->index)
        place->index = client->last_index; /* it sees what its client asked for before it */
    place->term = place->read.term;
    return true;
}

static bool keep_request(struct place *place, const uint8_t *bytes, size_t len)
{
    place->request = malloc(len);
    if (place->request == NULL)
        return false;
    memcpy(place->request, bytes, len);
    place->request_len = len;
    return true;
}

/* The place waits, or has been redirected. */
void kvraft_propose(struct kvraft *kvraft, struct place *place, const struct resp_request *request,
                    const uint8_t *bytes, size_t len)
{
    struct raft_status status = kvraft->server.status(kvraft->server.context);
    bool is_read = store_is_read(kvraft->store, request);

    place->since_ms = now_ms();
    if (status.role != RAFT_LEADER || bytes == NULL) {
        redirect(kvraft, place);
    } else if (is_read && begin_read(kvraft, place) && keep_request(place, bytes, len)) {
        place_wait(place, &kvraft->reads);
    } else {
        place->term = status.term;
        place->index = kvraft->server.propose(kvraft->server.context, bytes, len);
        if (place->index == 0) {
            redirect(kvraft, place);
            return;
        }
        place->client->last_index = place->index;
        place_wait(place, &kvraft->entries);
    }
    set_timer(kvraft);
}

/* --- all of it --- */

struct kvraft *kvraft_new(struct loop *loop, const struct kvraft_config *config,
                          const struct kvraft_server *server)
{
    struct kvraft *kvraft = calloc(1, sizeof *kvraft);

    if (kvraft == NULL)
        return NULL;
    kvraft->loop = loop;
    kvraft->config = *config;
    kvraft->server = *server;
    kvraft->timer = (struct loop_timer){.on_time = give_up_waiting, .context = kvraft};
    kvraft->results.send = kvraft_put_result;
    kvraft->output.send = kvraft_put_output;
    kvraft->store = store_new(config->is_resp2);
    if (kvraft->store != NULL)
        return kvraft;
    free(kvraft);
    return NULL;
}

void kvraft_free(struct kvraft *kvraft)
{
    if (kvraft == NULL)
        return;
    while (kvraft->clients != NULL)
        connection_close(kvraft->clients->connection);
    kvraft_serve_ready(kvraft);
    loop_clear_timer(kvraft->loop, &kvraft->timer);
    store_free(kvraft->store);
    free(kvraft);
}
