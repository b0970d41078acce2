/* peers.c - the connections of peers.h.
 *
 *     node   another one of the cluster: how it is reached, and which link its requests came by
 *     link   a connection, dialled or accepted, and the node that it belongs to
 *
 * Two nodes have two links, since each dials the other.  Which of them takes a request, and which
 * the reply to it? */
#include "peers.h"

#include "connection.h"
#include "dialler.h"
#include "listener.h"
#include "message.h"
#include "message_reader.h"

#include <errno.h>
#include <stdlib.h>
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
    (void)peers;
    (void)id;
    /* Your code here. */
    return NULL;
}

/* --- links --- */

static size_t take_data(void *context, const uint8_t *data, size_t len);
static void forget_link(void *context, int error);

static const struct connection_events link_events = {.on_data = take_data, .on_close = forget_link};

/* NULL: fd stays the caller's.  Why does a small message want TCP_NODELAY: tcp(7)? */
static struct link *new_link(struct peers *peers, int fd, struct node *dialled)
{
    (void)peers;
    (void)fd;
    (void)dialled;
    (void)link_events;
    /* Your code here. */
    return NULL;
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

/* Who still points at it?  And what comes next for one that was dialled? */
static void forget_link(void *context, int error)
{
    struct link *link = context;

    (void)link;
    (void)error;
    /* Your code here. */
}

/* --- messages in --- */

/* The node that the message names as its sender: which of the four names none? */
static int32_t sender(const struct message *message)
{
    (void)message;
    /* Your code here. */
    return NOBODY;
}

/* To whom does the link belong from now on?  And where does the reply to this message go? */
static void attribute(struct link *link, const struct message *message)
{
    (void)link;
    (void)message;
    (void)sender;
    (void)find_node;
    /* Your code here. */
}

/* As many messages as there are; what is left is a beginning, or wrong. */
static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct link *link = context;

    (void)link;
    (void)data;
    (void)attribute;
    /* Your code here. */
    return len;
}

/* --- messages out --- */

/* By which link, if any?  What if the node does not read: how much may wait for it? */
void peers_send(struct peers *peers, int32_t to, const uint8_t *message, size_t len)
{
    (void)peers;
    (void)to;
    (void)message;
    (void)len;
    /* Your code here. */
}

/* --- all of it --- */

/* As net_listen, at any address.  -1 with errno. */
static int listen_at(const struct sockaddr_in *address)
{
    (void)address;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Two listeners, and a dialler for each other node.  What is given back where one of them fails? */
struct peers *peers_new(struct loop *loop, const struct cluster *cluster,
                        const struct peers_events *events, void *context)
{
    (void)loop;
    (void)cluster;
    (void)events;
    (void)context;
    (void)listen_at;
    (void)accept_link;
    (void)on_connected;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}

void peers_free(struct peers *peers)
{
    (void)peers;
    /* Your code here. */
}
