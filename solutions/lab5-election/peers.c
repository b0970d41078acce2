/* peers.c - the connections of peers.h.
 *
 *     node   another one of the cluster: how it is reached, and which link its requests came by
 *     link   a connection, dialled or accepted, and the node that it belongs to
 *
 * Two nodes have two links, since each dials the other.  Requests go out by one's own, and replies
 * come back by it: a vote's reply names no voter, so the link does.
 *
 * A link never gets full (connection_is_full), but for one message that is large: so it is read from
 * however much waits, and two nodes never wait for each other to read. */
#include "peers.h"

#include "connection.h"
#include "dialler.h"
#include "listener.h"
#include "message.h"
#include "message_reader.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NOBODY = 0, GONE_AFTER_MS = 10000, IDLE_S = 10, PROBE_S = 1 };

struct link {
    struct peers *peers;
    struct connection *connection;
    struct message_reader *reader;
    struct node *dialled; /* NULL: was accepted */
    int32_t owner;        /* the node that it belongs to */
    struct link *next, **place;
};

struct node {
    struct peers *peers;
    int32_t id;
    struct dialler dialler;
    struct link *dialled; /* NULL: there is none now */
    struct link *asks_by; /* its latest request came by this; NULL: that is gone */
};

struct peers {
    struct loop *loop;
    struct cluster cluster;
    const struct peers_events *events;
    void *context;
    struct listener *raft_listener, *client_listener;
    struct link *links;
    bool is_ending;
    struct node nodes[CLUSTER_MOST_NODES]; /* the node with the id i + 1; this one's is not used */
};

/* NULL for this node, for nobody, and for a number that no node has. */
static struct node *find_node(struct peers *peers, int32_t id)
{
    if (id < 1 || id > peers->cluster.count || id == peers->cluster.self)
        return NULL;
    return &peers->nodes[id - 1];
}

/* --- links --- */

static size_t take_data(void *context, const uint8_t *data, size_t len);
static void take_end(void *context);
static void forget_link(void *context, int error);

static const struct connection_events link_events = {.on_data = take_data,
                                                     .on_end = take_end,
                                                     .on_close = forget_link};

/* A message leaves at once, whether or not the one before was acknowledged; and a node that vanished
 * without a word, by a cut cable or a power loss, is missed after seconds: tcp(7).  Nothing depends
 * on it that any of this works. */
static void set_options(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){GONE_AFTER_MS}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){IDLE_S}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){PROBE_S}, sizeof(int));
}

static void insert(struct peers *peers, struct link *link)
{
    link->next = peers->links;
    link->place = &peers->links;
    if (link->next != NULL)
        link->next->place = &link->next;
    peers->links = link;
}

static void take_out(struct link *link)
{
    *link->place = link->next;
    if (link->next != NULL)
        link->next->place = link->place;
}

/* NULL: fd stays the caller's. */
static struct link *new_link(struct peers *peers, int fd, struct node *dialled)
{
    struct link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    set_options(fd);
    link->peers = peers;
    link->dialled = dialled;
    link->owner = dialled != NULL ? dialled->id : NOBODY;
    link->reader = message_reader_new();
    if (link->reader != NULL)
        link->connection = connection_new(peers->loop, fd, &link_events, link);
    if (link->connection == NULL) {
        message_reader_free(link->reader);
        free(link);
        return NULL;
    }
    insert(peers, link);
    return link;
}

static void accept_link(void *context, int fd)
{
    if (new_link(context, fd, NULL) == NULL)
        close(fd);
}

static void on_connected(void *context, int fd)
{
    struct node *node = context;

    node->dialled = new_link(node->peers, fd, node);
    if (node->dialled == NULL) {
        close(fd);
        dialler_lost(&node->dialler);
    }
}

static void forget_link(void *context, int error)
{
    struct link *link = context;
    struct peers *peers = link->peers;

    (void)error;
    take_out(link);
    for (int32_t i = 0; i < peers->cluster.count; i++)
        if (peers->nodes[i].asks_by == link)
            peers->nodes[i].asks_by = NULL;
    if (link->dialled != NULL) {
        link->dialled->dialled = NULL;
        if (!peers->is_ending)
            dialler_lost(&link->dialled->dialler);
    }
    message_reader_free(link->reader);
    free(link);
}

/* --- messages in --- */

static bool is_request(enum message_type type)
{
    return type == REQUEST_VOTE || type == APPEND_ENTRIES;
}

/* The sender, as far as the message names one. */
static int32_t sender(const struct message *message)
{
    switch (message->type) {
    case REQUEST_VOTE: return message->request_vote.candidate_id;
    case APPEND_ENTRIES: return message->append_entries.leader_id;
    case APPEND_ENTRIES_REPLY: return message->append_entries_reply.follower_id;
    default: return NOBODY;
    }
}

/* One that no node can have sent changes nothing here; the core refuses it. */
static void attribute(struct link *link, const struct message *message)
{
    struct node *node = find_node(link->peers, sender(message));

    if (node == NULL)
        return;
    link->owner = node->id;
    if (is_request(message->type))
        node->asks_by = link;
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct link *link = context;
    struct peers *peers = link->peers;
    enum message_result result;
    struct message message;
    size_t used = 0, size = 0;

    for (;; used += size) {
        result = message_read(link->reader, data + used, len - used, &message, &size);
        if (result != MESSAGE_DONE)
            break;
        attribute(link, &message);
        if (!peers->events->on_message(peers->context, link->owner, data + used, size))
            break;
    }
    if (result == MESSAGE_MORE)
        return used;
    connection_close(link->connection);
    return len;
}

/* A node that sends no more gets the replies that wait, but is no use any longer to ask. */
static void take_end(void *context)
{
    const struct link *link = context;

    if (link->dialled != NULL)
        connection_close(link->connection);
    else
        connection_finish(link->connection);
}

/* --- messages out --- */

/* Numbers are little-endian, so the first byte is the type: each is below 256. */
static const struct link *way_out(const struct node *node, const uint8_t *message)
{
    return is_request(message[0]) ? node->dialled : node->asks_by;
}

static bool has_room(const struct link *link, size_t len)
{
    size_t pending = connection_pending(link->connection);

    return pending == 0 || (len < PEERS_QUEUE_BOUND && pending < PEERS_QUEUE_BOUND - len);
}

void peers_send(struct peers *peers, int32_t to, const uint8_t *message, size_t len)
{
    const struct node *node = find_node(peers, to);

    if (node == NULL || len < MESSAGE_HEADER_SIZE)
        return;
    const struct link *link = way_out(node, message);
    if (link != NULL && has_room(link, len))
        connection_send(link->connection, message, len);
}

/* --- all of it --- */

/* As net_listen, at any address. */
static int listen_at(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0 &&
        bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static struct listener *new_listener(struct loop *loop, const struct sockaddr_in *address,
                                     void (*on_connection)(void *context, int fd), void *context)
{
    int fd = listen_at(address);
    struct listener *listener = NULL;

    if (fd < 0)
        return NULL;
    listener = listener_new(loop, fd, on_connection, context);
    if (listener == NULL) {
        int error = errno;
        close(fd);
        errno = error;
    }
    return listener;
}

static int listen_at_both(struct peers *peers)
{
    const struct cluster *cluster = &peers->cluster;
    int32_t self = cluster->self - 1;

    peers->raft_listener = new_listener(peers->loop, &cluster->rafts[self], accept_link, peers);
    if (peers->raft_listener == NULL)
        return -1;
    peers->client_listener = new_listener(peers->loop, &cluster->clients[self],
                                          peers->events->on_client, peers->context);
    return peers->client_listener == NULL ? -1 : 0;
}

static void dial_others(struct peers *peers)
{
    for (int32_t id = 1; id <= peers->cluster.count; id++) {
        struct node *node = find_node(peers, id);
        if (node == NULL)
            continue;
        node->peers = peers;
        node->id = id;
        node->dialler = (struct dialler){.loop = peers->loop,
                                         .address = peers->cluster.rafts[id - 1],
                                         .on_connected = on_connected,
                                         .context = node};
        dialler_start(&node->dialler);
    }
}

struct peers *peers_new(struct loop *loop, const struct cluster *cluster,
                        const struct peers_events *events, void *context)
{
    struct peers *peers = calloc(1, sizeof *peers);

    if (peers == NULL)
        return NULL;
    peers->loop = loop;
    peers->cluster = *cluster;
    peers->events = events;
    peers->context = context;
    if (listen_at_both(peers) < 0) {
        int error = errno;
        if (peers->raft_listener != NULL)
            listener_free(peers->raft_listener);
        free(peers);
        errno = error;
        return NULL;
    }
    dial_others(peers);
    return peers;
}

void peers_free(struct peers *peers)
{
    peers->is_ending = true;
    listener_free(peers->raft_listener);
    listener_free(peers->client_listener);
    for (int32_t id = 1; id <= peers->cluster.count; id++)
        if (find_node(peers, id) != NULL)
            dialler_stop(&peers->nodes[id - 1].dialler);
    while (peers->links != NULL)
        connection_close(peers->links->connection);
    free(peers);
}
