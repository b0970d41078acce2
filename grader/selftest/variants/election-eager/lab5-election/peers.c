/* peers.c - the nodes of peers.h, over lines.h.
 *
 *     resting -- a moment has come --> dialling -- connected --> reached
 *        \------ failed, or took too long ------/-- closed -----/
 *
 * There is one alarm for all moments that anybody waits for.  Moments lie on a grid, so that what
 * is due at about the same time is done at once. */
#include "peers.h"

#include "frame.h"
#include "lines.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000, GRID_MS = 4, BREATH_MS = 50 };

static const int64_t NEVER = INT64_MAX;

struct seat {
    int32_t pause_ms;      /* the next one */
    int64_t moment;        /* the end of a rest or of a dial's time; else NEVER */
    int64_t reached;       /* when it was, the last time */
    struct handle dial;    /* dialling or reached: the line */
    struct handle request; /* the line that its latest request came by */
};

struct door {
    struct handle line;
    int64_t moment; /* it opens again */
};

struct peers {
    struct lines lines;
    struct cluster cluster;
    const struct peers_events *events;
    void *context;
    struct loop_timer alarm;
    struct door rafts, clients;
    struct seat seats[CLUSTER_MOST_NODES + 1]; /* by id */
};

/* Lines are told of with their table, which is the first member. */
static struct peers *peers_of(const struct line *line)
{
    return (struct peers *)line->lines;
}

static struct seat *seat_of(struct peers *peers, int32_t id)
{
    bool is_other = id >= 1 && id <= peers->cluster.count && id != peers->cluster.self;

    return is_other ? &peers->seats[id] : NULL;
}

/* --- time --- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t in_ms(int64_t delay_ms)
{
    const int64_t grid = (int64_t)GRID_MS * NS_PER_MS;
    int64_t moment = now_ns() + delay_ms * NS_PER_MS;

    return (moment + grid - 1) / grid * grid;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int set_alarm(struct peers *peers)
{
    int64_t moment = sooner(peers->rafts.moment, peers->clients.moment), now = now_ns();

    for (int32_t id = 1; id <= peers->cluster.count; id++)
        moment = sooner(moment, peers->seats[id].moment);
    if (moment == NEVER) {
        loop_clear_timer(peers->lines.loop, &peers->alarm);
        return 0;
    }
    int64_t delay = moment > now ? (moment - now + NS_PER_MS - 1) / NS_PER_MS : 0;
    return loop_set_timer(peers->lines.loop, &peers->alarm, delay);
}

/* --- messages in --- */

static void rest(struct seat *seat)
{
    seat->moment = in_ms(seat->pause_ms);
    seat->pause_ms = (int32_t)sooner((int64_t)seat->pause_ms * 2, PEERS_LONGEST_PAUSE_MS);
}

static void end_talk(struct line *line, bool abruptly)
{
    struct peers *peers = peers_of(line);
    struct seat *seat = seat_of(peers, line->dialled);

    line_close(line, abruptly);
    if (seat == NULL)
        return;
    if (now_ns() - seat->reached >= (int64_t)PEERS_LONGEST_PAUSE_MS * NS_PER_MS)
        seat->pause_ms = PEERS_FIRST_PAUSE_MS;
    rest(seat);
    set_alarm(peers);
}

/* Whoever names nobody of this cluster has named nobody. */
static void note_sender(struct line *line, const struct frame *frame)
{
    struct seat *seat = seat_of(peers_of(line), frame->sender);

    if (seat == NULL)
        return;
    line->owner = frame->sender;
    if (frame->asks)
        seat->request = line_handle(line);
}

/* False: the other side has sent what is no message. */
static bool take_frames(struct line *line)
{
    struct peers *peers = peers_of(line);
    size_t used = 0;
    struct frame frame;

    while ((frame = frame_look(line->in + used, line->in_len - used)).state == FRAME_WHOLE) {
        note_sender(line, &frame);
        if (!peers->events->on_message(peers->context, line->owner, line->in + used, frame.size))
            return false;
        used += frame.size;
    }
    line_drop(line, used);
    return frame.state == FRAME_PART;
}

/* What can be read is read first: replies to it then go out at once.  One who ends still gets what
 * the kernel takes now. */
static void on_talk(struct line *line, unsigned events)
{
    int result = (events & LOOP_READ) != 0 ? line_fill(line) : 1;

    if (result > 0 && (events & LOOP_READ) != 0 && !take_frames(line)) {
        end_talk(line, true);
        return;
    }
    if (result < 0 || !line_flush(line) || result == 0)
        end_talk(line, false);
    else
        line_rearm(line);
}

/* --- dialling --- */

/* Where nobody listens, a socket may happen to dial from the very port that it dials to, and reach
 * itself.  If it did not end abruptly, TIME-WAIT would keep that port from its owner. */
static bool is_reached(int fd, const struct sockaddr_in *address)
{
    struct sockaddr_in own = {0};
    socklen_t own_size = sizeof own, error_size = sizeof(int);
    int error = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0 || error != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &own_size) < 0)
        return false;
    return own.sin_port != address->sin_port || own.sin_addr.s_addr != address->sin_addr.s_addr;
}

static void on_outcome(struct line *line, unsigned events)
{
    struct peers *peers = peers_of(line);
    int32_t id = line->dialled;
    struct seat *seat = &peers->seats[id];

    (void)events;
    if (is_reached(line->fd, &peers->cluster.rafts[id - 1])) {
        line->on_event = on_talk;
        line->owner = id;
        seat->reached = now_ns();
        seat->moment = NEVER;
        line_rearm(line);
    } else {
        line_close(line, true);
        rest(seat);
    }
    set_alarm(peers);
}

/* From this node's own address, as it is in the file. */
static struct line *begin_dial(struct peers *peers, int32_t id)
{
    struct sockaddr_in own = peers->cluster.rafts[peers->cluster.self - 1];
    const struct sockaddr_in *to = &peers->cluster.rafts[id - 1];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    own.sin_port = 0;
    if (fd < 0)
        return NULL;
    if (bind(fd, (const struct sockaddr *)&own, sizeof own) == 0 &&
        (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 || errno == EINPROGRESS ||
         errno == EINTR))
        return line_open(&peers->lines, fd, LOOP_WRITE, on_outcome);
    close(fd);
    return NULL;
}

static void dial(struct peers *peers, int32_t id)
{
    struct seat *seat = &peers->seats[id];
    struct line *line = begin_dial(peers, id);

    if (line == NULL) {
        rest(seat);
        return;
    }
    line->dialled = id;
    seat->dial = line_handle(line);
    seat->moment = in_ms(PEERS_DIAL_TIMEOUT_MS);
}

/* Its moment has come: a rest is over, or a dial takes too long. */
static void act(struct peers *peers, int32_t id)
{
    struct line *line = line_find(&peers->lines, peers->seats[id].dial);

    if (line == NULL) {
        dial(peers, id);
        return;
    }
    line_close(line, false);
    rest(&peers->seats[id]);
}

/* --- doors --- */

static void take_raft(struct peers *peers, int fd)
{
    line_open(&peers->lines, fd, LOOP_READ, on_talk);
}

static void take_client(struct peers *peers, int fd)
{
    peers->events->on_client(peers->context, fd);
}

/* One at a time.  Without a descriptor or memory it closes for a while. */
static void accept_at(struct line *line, struct door *door,
                      void (*take)(struct peers *peers, int fd))
{
    struct peers *peers = peers_of(line);
    int fd = accept4(line->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        take(peers, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        door->moment = in_ms(BREATH_MS);
        if (set_alarm(peers) == 0) {
            loop_change(peers->lines.loop, line->fd, 0);
            return;
        }
    }
    line_rearm(line);
}

static void on_raft_door(struct line *line, unsigned events)
{
    (void)events;
    accept_at(line, &peers_of(line)->rafts, take_raft);
}

static void on_client_door(struct line *line, unsigned events)
{
    (void)events;
    accept_at(line, &peers_of(line)->clients, take_client);
}

static bool open_door(struct peers *peers, struct door *door, const struct sockaddr_in *address,
                      void (*on_event)(struct line *line, unsigned events))
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return false;
    }
    struct line *line = line_open(&peers->lines, fd, LOOP_READ, on_event);
    if (line != NULL)
        door->line = line_handle(line);
    return line != NULL;
}

/* --- all of it --- */

static void reopen(struct peers *peers, struct door *door, int64_t now)
{
    if (door->moment > now)
        return;
    door->moment = NEVER;
    line_rearm(line_find(&peers->lines, door->line));
}

static void on_alarm(void *context)
{
    struct peers *peers = context;
    int64_t now = now_ns();

    reopen(peers, &peers->rafts, now);
    reopen(peers, &peers->clients, now);
    for (int32_t id = 1; id <= peers->cluster.count; id++) {
        if (peers->seats[id].moment <= now)
            act(peers, id);
    }
    set_alarm(peers);
}

/* All others are due at once: the first turn dials them. */
struct peers *peers_new(struct loop *loop, const struct cluster *cluster,
                        const struct peers_events *events, void *context)
{
    struct peers *peers = calloc(1, sizeof *peers);
    int32_t own = cluster->self - 1;

    if (peers == NULL)
        return NULL;
    peers->lines.loop = loop;
    peers->cluster = *cluster;
    peers->events = events;
    peers->context = context;
    peers->alarm = (struct loop_timer){.on_time = on_alarm, .context = peers};
    peers->rafts.moment = peers->clients.moment = NEVER;
    for (int32_t id = 1; id <= cluster->count; id++)
        peers->seats[id] = (struct seat){.pause_ms = PEERS_FIRST_PAUSE_MS,
                                         .moment = id == cluster->self ? NEVER : 0};
    if (open_door(peers, &peers->clients, &cluster->clients[own], on_client_door) &&
        open_door(peers, &peers->rafts, &cluster->rafts[own], on_raft_door) &&
        set_alarm(peers) == 0)
        return peers;
    int error = errno;
    peers_free(peers);
    errno = error;
    return NULL;
}

void peers_free(struct peers *peers)
{
    if (peers == NULL)
        return;
    loop_clear_timer(peers->lines.loop, &peers->alarm);
    lines_free(&peers->lines);
    free(peers);
}

void peers_send(struct peers *peers, int32_t to, const uint8_t *message, size_t len)
{
    const struct seat *seat = seat_of(peers, to);

    if (seat == NULL || len < MESSAGE_HEADER_SIZE)
        return;
    struct line *line = line_find(&peers->lines, frame_asks(message) ? seat->dial : seat->request);
    if (line != NULL && line->on_event == on_talk)
        line_post(line, message, len);
}
