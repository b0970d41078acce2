/* kvraft.c - the store of kvraft.h: each client has its own array of requests that wait.
 *
 * An entry that was applied is looked for in all of them.  kvraft_settle goes through the clients:
 * it sends what is known, and when this server leads no more it tells those who only read, and
 * leaves those whose write has an unknown outcome.  So does a clock that ticks once in the longest
 * election timeout while anybody waits: after one or two of them.
 *
 * A read without an entry is done before the next entry is, or when all is settled; and in its turn
 * among the requests of its client. */
#include "kvraft.h"

#include "connection.h"
#include "places.h"
#include "table.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SMALL_REPLY = 64 };

struct client {
    struct kvraft *kvraft;
    struct client *next;
    struct connection *connection;
    struct words words;
    struct places places;
    bool has_ended; /* what it sent is all taken */
    bool is_paused;
};

struct kvraft {
    struct loop *loop;
    struct kvraft_config config;
    struct kvraft_server server;
    struct table *table;
    struct client *clients;
    int32_t applied;
    struct loop_timer timer;
    bool is_ticking;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct raft_status status_of(const struct kvraft *kvraft)
{
    return kvraft->server.status(kvraft->server.context);
}

static struct text redirect(const struct kvraft *kvraft)
{
    struct raft_status status = status_of(kvraft);

    if (status.leader == RAFT_NOBODY || status.leader == kvraft->config.id)
        return text_copy("+TRYAGAIN\r\n", 11);
    return text_number("+MOVED ", status.leader);
}

/* --- replies --- */

/* False: a reply was not made, for want of memory. */
static bool send_known(struct client *client)
{
    struct places *places = &client->places;

    for (; places->count > 0 && places_at(places, 0)->state == PLACE_KNOWN;
         places_drop_first(places)) {
        const struct text *text = &places_at(places, 0)->text;
        if (text->bytes == NULL)
            return false;
        connection_send(client->connection, text->bytes, text->size);
    }
    return true;
}

/* The client gets no more replies, and may be gone after this. */
static void leave(struct client *client)
{
    while (client->places.count > 0)
        places_drop_first(&client->places);
    client->has_ended = true;
    connection_finish(client->connection);
}

/* The client may be gone after this. */
static void go_on(struct client *client)
{
    if (!send_known(client) || (client->has_ended && client->places.count == 0)) {
        leave(client);
    } else if (client->is_paused && !places_are_full(&client->places)) {
        client->is_paused = false;
        connection_resume(client->connection);
    }
}

/* --- reads without entries --- */

static bool may_read(const struct kvraft *kvraft, const struct place *place)
{
    const struct kvraft_server *server = &kvraft->server;

    return place->read.index <= kvraft->applied && server->may_read(server->context, &place->read);
}

static void do_read(const struct kvraft *kvraft, struct place *place)
{
    const uint8_t *value;
    size_t size =
        table_get(kvraft->table, (const uint8_t *)place->text.bytes, place->text.size, &value);

    place_answer(place, text_copy(value, size));
}

static void do_reads_of(struct client *client)
{
    struct place *place;

    while ((place = places_first_open(&client->places)) != NULL && place->state == PLACE_READING &&
           may_read(client->kvraft, place))
        do_read(client->kvraft, place);
}

static void do_reads(struct kvraft *kvraft)
{
    for (struct client *client = kvraft->clients; client != NULL; client = client->next)
        do_reads_of(client);
}

/* --- what is lost --- */

static bool is_lost(const struct place *place, const struct raft_status *status)
{
    int32_t term = place->state == PLACE_READING ? place->read.term : place->term;

    return status->role != RAFT_LEADER || term != status->term || place->due_ms <= now_ms();
}

/* One after the other: a write that is lost leaves all behind it unanswered.  The client may be
 * gone after this. */
static void settle_client(struct client *client)
{
    const struct kvraft *kvraft = client->kvraft;
    struct raft_status status = status_of(kvraft);
    struct place *place;

    do_reads_of(client);
    while ((place = places_first_open(&client->places)) != NULL) {
        if (place->state != PLACE_DISPLACED && !is_lost(place, &status))
            break;
        if (place->state != PLACE_DISPLACED && !place->is_read) {
            send_known(client);
            leave(client);
            return;
        }
        place_answer(place, redirect(kvraft));
        do_reads_of(client);
    }
    go_on(client);
}

void kvraft_settle(struct kvraft *kvraft)
{
    for (struct client *client = kvraft->clients, *next; client != NULL; client = next) {
        next = client->next;
        settle_client(client);
    }
}

static void set_clock(struct kvraft *kvraft)
{
    if (!kvraft->is_ticking)
        kvraft->is_ticking =
            loop_set_timer(kvraft->loop, &kvraft->timer, kvraft->config.election_max_ms) == 0;
}

static void tick(void *context)
{
    struct kvraft *kvraft = context;

    kvraft->is_ticking = false;
    kvraft_settle(kvraft);
    for (const struct client *client = kvraft->clients; client != NULL; client = client->next)
        if (client->places.count > 0)
            set_clock(kvraft);
}

/* --- requests --- */

static void add_known(struct client *client, struct text text)
{
    places_add(&client->places, (struct place){.text = text, .expected = text.size});
}

static bool begin_read(const struct kvraft *kvraft, struct place *place, const uint8_t *data,
                       const struct word *key)
{
    const struct kvraft_server *server = &kvraft->server;

    if (!place->is_read || server->begin_read == NULL ||
        !server->begin_read(server->context, &place->read))
        return false;
    place->state = PLACE_READING;
    place->text = text_copy(data + key->at, key->size);
    return true;
}

static bool propose(const struct kvraft *kvraft, struct place *place, const uint8_t *data,
                    size_t size)
{
    place->state = PLACE_PROPOSED;
    place->index = kvraft->server.propose(kvraft->server.context, data, size);
    return place->index > 0;
}

static void take_command(struct client *client, const uint8_t *data, enum command command)
{
    struct kvraft *kvraft = client->kvraft;
    struct raft_status status = status_of(kvraft);
    const struct word *key = &client->words.words[1];
    struct place place = {.is_read = command == COMMAND_GET, .term = status.term};
    const uint8_t *value;

    place.due_ms = now_ms() + kvraft->config.election_max_ms + 1;
    place.expected =
        place.is_read ? table_get(kvraft->table, data + key->at, key->size, &value) : SMALL_REPLY;
    if (status.role == RAFT_LEADER && (begin_read(kvraft, &place, data, key) ||
                                       propose(kvraft, &place, data, client->words.at))) {
        places_add(&client->places, place);
        set_clock(kvraft);
    } else {
        add_known(client, redirect(kvraft));
    }
}

/* The size of the request that was taken, or 0. */
static size_t take_request(struct client *client, const uint8_t *data, size_t len)
{
    enum words_result result = words_read(&client->words, data, len);

    if (result == WORDS_MORE)
        return 0;
    if (result != WORDS_DONE) {
        client->has_ended = true;
        add_known(client, text_copy("-ERROR\r\n", 8));
        return 0;
    }
    if (client->words.count == 0)
        return client->words.at;
    enum command command = command_of(&client->words, data);
    if (command == COMMAND_NONE)
        add_known(client, text_copy("-ERROR\r\n", 8));
    else
        take_command(client, data, command);
    return client->words.at;
}

static bool may_take(const struct client *client)
{
    return !client->has_ended && !places_are_full(&client->places) &&
           !connection_is_full(client->connection);
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    size_t taken = 0, size = 1;

    while (size > 0 && taken < len && may_take(client)) {
        size = take_request(client, data + taken, len - taken);
        taken += size;
        if (!send_known(client)) {
            leave(client);
            return len;
        }
    }
    if (client->has_ended)
        taken = len;
    if (places_are_full(&client->places)) {
        client->is_paused = true;
        connection_pause(client->connection);
    }
    go_on(client);
    return taken;
}

static void take_end(void *context)
{
    struct client *client = context;

    client->has_ended = true;
    go_on(client);
}

/* --- clients --- */

static void forget(void *context, int error)
{
    struct client *client = context;
    struct client **link = &client->kvraft->clients;

    (void)error;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    while (client->places.count > 0)
        places_drop_first(&client->places);
    words_free(&client->words);
    free(client);
}

void kvraft_serve(struct kvraft *kvraft, int fd)
{
    static const struct connection_events events = {.on_data = take_data,
                                                    .on_end = take_end,
                                                    .on_close = forget};
    struct client *client = calloc(1, sizeof *client);
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (client != NULL)
        client->connection = connection_new(kvraft->loop, fd, &events, client);
    if (client == NULL || client->connection == NULL) {
        free(client);
        close(fd);
        return;
    }
    client->kvraft = kvraft;
    client->next = kvraft->clients;
    kvraft->clients = client;
}

/* --- entries --- */

static struct place *find_place(const struct kvraft *kvraft, int32_t index)
{
    struct place *place = NULL;

    for (struct client *client = kvraft->clients; client != NULL && place == NULL;
         client = client->next)
        place = places_find(&client->places, index);
    return place;
}

int kvraft_apply(struct kvraft *kvraft, int32_t index, int32_t term, const uint8_t *data,
                 size_t len)
{
    struct place *place = find_place(kvraft, index);
    bool is_wanted = place != NULL && place->term == term;
    struct text reply;

    if (kvraft->server.begin_read != NULL)
        do_reads(kvraft);
    if (table_execute(kvraft->table, data, len, is_wanted, &reply) < 0)
        return -1;
    kvraft->applied = index;
    if (is_wanted)
        place_answer(place, reply);
    else if (place != NULL)
        place->state = PLACE_DISPLACED;
    return 0;
}

/* --- all of it --- */

struct kvraft *kvraft_new(struct loop *loop, const struct kvraft_config *config,
                          const struct kvraft_server *server)
{
    struct kvraft *kvraft = calloc(1, sizeof *kvraft);

    if (kvraft == NULL)
        return NULL;
    *kvraft = (struct kvraft){.loop = loop, .config = *config, .server = *server};
    kvraft->timer = (struct loop_timer){.on_time = tick, .context = kvraft};
    kvraft->table = table_new();
    if (kvraft->table != NULL)
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
    loop_clear_timer(kvraft->loop, &kvraft->timer);
    table_free(kvraft->table);
    free(kvraft);
}
