/* peers.c - the connections of peers.h.
 *
 *     node   another one of the cluster: how it is reached, and which link its requests came by
 *     link   a connection, dialled or accepted, and the node that it belongs to
 *
 * Two nodes have two links, since each dials the other.  Requests go by the own one, and each reply
 * goes back where its request came from. */
#include "peers.h"

#include "connection.h"
#include "dialler.h"
#include "listener.h"
#include "message.h"
#include "message_reader.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NOBODY = 0 };

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

/* NULL for this node, for nobody, and for a number that no node has: ids come from strangers. */
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

static void hold(struct link *link)
{
    struct peers *peers = link->peers;

    link->next = peers->links;
    link->place = &peers->links;
    if (link->next != NULL)
        link->next->place = &link->next;
    peers->links = link;
}

/* NULL: fd stays the caller's.  A message is small and is to leave at once, even while the one
 * before it is not acknowledged: TCP_NODELAY, tcp(7). */
static struct link *new_link(struct peers *peers, int fd, struct node *dialled)
{
    struct link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    *link = (struct link){.peers = peers, .dialled = dialled};
    link->owner = dialled != NULL ? dialled->id : NOBODY;
    link->reader = message_reader_new();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (link->reader != NULL)
        link->connection = connection_new(peers->loop, fd, &link_events, link);
    if (link->connection == NULL) {
        message_reader_free(link->reader);
        free(link);
        return NULL;
    }
    hold(link);
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

/* What waits for a node that has ended is of no use to it: nothing is flushed. */
static void take_end(void *context)
{
    struct link *link = context;

    connection_close(link->connection);
}

static void forget_link(void *context, int error)
{
    struct link *link = context;
    struct peers *peers = link->peers;

    (void)error;
    *link->place = link->next;
    if (link->next != NULL)
        link->next->place = link->place;
    for (int32_t i = 0; i < peers->cluster.count; i++) {
        if (peers->nodes[i].asks_by == link)
            peers->nodes[i].asks_by = NULL;
    }
    if (link->dialled != NULL) {
        link->dialled->dialled = NULL;
        if (!peers->is_ending)
            dialler_lost(&link->dialled->dialler);
    }
    message_reader_free(link->reader);
    free(link);
}

/* --- messages in --- */

/* The node that the message names as its sender. */
static int32_t sender(const struct message *message)
{
    switch (message->type) {
    case REQUEST_VOTE: return message->request_vote.candidate_id;
    case APPEND_ENTRIES: return message->append_entries.leader_id;
    case APPEND_ENTRIES_REPLY: return message->append_entries_reply.follower_id;
    case REQUEST_VOTE_REPLY: break;
    }
    return NOBODY;
}

static bool is_request(enum message_type type)
{
    return type == REQUEST_VOTE || type == APPEND_ENTRIES;
}

static void attribute(struct link *link, const struct message *message)
{
    if (message->type == REQUEST_VOTE_REPLY)
        return;
    struct node *node = find_node(link->peers, sender(message));
    link->owner = node != NULL ? node->id : NOBODY;
    if (node != NULL && is_request(message->type))
        node->asks_by = link;
}

/* As many messages as there are; what is left is a beginning, or wrong. */
static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct link *link = context;
    const struct peers *peers = link->peers;
    enum message_result result = MESSAGE_MORE;
    struct message message;
    size_t used = 0, size;

    while (!connection_is_full(link->connection)) {
        result = message_read(link->reader, data + used, len - used, &message, &size);
        if (result != MESSAGE_DONE)
            break;
        attribute(link, &message);
        if (!peers->events->on_message(peers->context, link->owner, data + used, size)) {
            result = MESSAGE_MALFORMED;
            break;
        }
        used += size;
    }
    if (result == MESSAGE_MORE || result == MESSAGE_DONE)
        return used;
    connection_close(link->connection);
    return len;
}

/* --- messages out --- */

/* The first byte of a message is that of its type: message.h. */
static struct link *find_link(struct peers *peers, int32_t to, const uint8_t *message, size_t len)
{
    struct node *node = find_node(peers, to);

    if (node == NULL || len < MESSAGE_HEADER_SIZE)
        return NULL;
    return is_request((enum message_type)message[0]) ? node->dialled : node->asks_by;
}

void peers_send(struct peers *peers, int32_t to, const uint8_t *message, size_t len)
{
    struct link *link = find_link(peers, to, message, len);

    if (link == NULL)
        return;
    size_t waiting = connection_pending(link->connection);
    if (waiting == 0 || waiting + len < PEERS_QUEUE_BOUND)
        connection_send(link->connection, message, len);
}

/* --- all of it --- */

/* As net_listen, at any address.  -1 with errno. */
static int listen_at(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static struct listener *new_listener(struct peers *peers, const struct sockaddr_in *address,
                                     void (*on_connection)(void *context, int fd), void *context)
{
    int fd = listen_at(address);

    if (fd < 0)
        return NULL;
    struct listener *listener = listener_new(peers->loop, fd, on_connection, context);
    if (listener == NULL) {
        int error = errno;
        close(fd);
        errno = error;
    }
    return listener;
}

/* Its descriptor is -1 from the start: dialler_stop may come before dialler_start. */
static void prepare_node(struct peers *peers, int32_t id)
{
    struct node *node = &peers->nodes[id - 1];

    node->peers = peers;
    node->id = id;
    node->dialler.loop = peers->loop;
    node->dialler.address = peers->cluster.rafts[id - 1];
    node->dialler.on_connected = on_connected;
    node->dialler.context = node;
    node->dialler.fd = -1;
}

struct peers *peers_new(struct loop *loop, const struct cluster *cluster,
                        const struct peers_events *events, void *context)
{
    struct peers *peers = calloc(1, sizeof *peers);
    int32_t own = cluster->self - 1;

    if (peers == NULL)
        return NULL;
    peers->loop = loop;
    peers->cluster = *cluster;
    peers->events = events;
    peers->context = context;
    for (int32_t id = 1; id <= cluster->count; id++)
        prepare_node(peers, id);
    peers->raft_listener = new_listener(peers, &cluster->rafts[own], accept_link, peers);
    if (peers->raft_listener != NULL)
        peers->client_listener =
            new_listener(peers, &cluster->clients[own], events->on_client, context);
    if (peers->client_listener == NULL) {
        int error = errno;
        peers_free(peers);
        errno = error;
        return NULL;
    }
    for (int32_t id = 1; id <= cluster->count; id++) {
        if (id != cluster->self)
            dialler_start(&peers->nodes[id - 1].dialler);
    }
    return peers;
}

void peers_free(struct peers *peers)
{
    if (peers == NULL)
        return;
    peers->is_ending = true;
    for (int32_t i = 0; i < peers->cluster.count; i++)
        dialler_stop(&peers->nodes[i].dialler);
    while (peers->links != NULL)
        connection_close(peers->links->connection);
    if (peers->raft_listener != NULL)
        listener_free(peers->raft_listener);
    if (peers->client_listener != NULL)
        listener_free(peers->client_listener);
    free(peers);
}
