/* cluster.c - the file of cluster.h, read as a whole and walked over once, byte by byte.
 *
 * A node is one number here, address and port behind it, so that numeric order is theirs.  Nodes
 * stay in the order of the file, and a node's id is found by counting those before it. */
#include "cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORT_BITS = 16, FIRST_ROOM = 4096 };

struct text {
    char *data;
    size_t len, room;
};

struct walk {
    const char *at, *end; /* end: of the line, without what may end one */
    uint64_t nodes[CLUSTER_MOST_NODES];
    int32_t count;
};

/* --- the file --- */

static bool widen(struct text *text)
{
    size_t room = text->room > 0 ? text->room * 2 : FIRST_ROOM;
    char *data = realloc(text->data, room);

    if (data == NULL)
        return false;
    text->data = data;
    text->room = room;
    return true;
}

static bool read_all(int fd, struct text *text)
{
    for (;;) {
        if (text->len == text->room && !widen(text))
            return false;
        ssize_t n = read(fd, text->data + text->len, text->room - text->len);
        if (n > 0)
            text->len += (size_t)n;
        else if (n == 0)
            return true;
        else if (errno != EINTR)
            return false;
    }
}

/* --- one line --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct walk *walk)
{
    while (walk->at < walk->end && is_blank(*walk->at))
        walk->at++;
}

static bool take(struct walk *walk, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(walk->end - walk->at) < len || memcmp(walk->at, word, len) != 0)
        return false;
    walk->at += len;
    return true;
}

/* Digits, at least one, up to this value. */
static bool take_number(struct walk *walk, uint32_t most, uint64_t *number)
{
    const char *start = walk->at;

    *number = 0;
    while (walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9') {
        *number = *number * 10 + (uint64_t)(*walk->at++ - '0');
        if (*number > most)
            return false;
    }
    return walk->at > start;
}

/* inet_pton(3): "each ddd is a decimal number of up to three digits in the range 0 to 255". */
static bool take_address(struct walk *walk, uint64_t *address)
{
    *address = 0;
    for (int i = 0; i < 4; i++) {
        const char *start = walk->at;
        uint64_t byte;
        if (!take_number(walk, UINT8_MAX, &byte) || walk->at - start > 3)
            return false;
        *address = *address << 8 | byte;
        if (!take(walk, i < 3 ? "." : ":"))
            return false;
    }
    return true;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* The next two give what is wrong, or NULL.
 *
 * Ports above 1000 at different addresses are never 1000 apart. */
static const char *add(struct walk *walk, uint64_t node)
{
    for (int32_t i = 0; i < walk->count; i++) {
        if (walk->nodes[i] == node)
            return "this node comes twice";
        if (distance(walk->nodes[i], node) == CLUSTER_RAFT_PORT_BELOW)
            return "a client port would be a Raft port, too";
    }
    if (walk->count == CLUSTER_MOST_NODES)
        return "this is one node too many";
    walk->nodes[walk->count++] = node;
    return NULL;
}

static const char *take_line(struct walk *walk)
{
    uint64_t address, port;

    skip_blanks(walk);
    if (walk->at == walk->end || *walk->at == '!' || *walk->at == '#')
        return NULL;
    if (!take(walk, "follower_info") || walk->at == walk->end || !is_blank(*walk->at))
        return "the key is not follower_info";
    skip_blanks(walk);
    if (!take_address(walk, &address))
        return "there is no ADDRESS:PORT with an IPv4 address";
    if (address == 0)
        return "0.0.0.0 is no address of one node";
    if (!take_number(walk, UINT16_MAX, &port) || walk->at != walk->end)
        return "the port is no number up to 65535";
    if (port <= CLUSTER_RAFT_PORT_BELOW)
        return "the port is too low: the Raft port is 1000 below";
    return add(walk, address << PORT_BITS | port);
}

/* --- all lines --- */

static const char *trimmed_end(const char *start, const char *end)
{
    while (end > start && (is_blank(end[-1]) || end[-1] == '\r'))
        end--;
    return end;
}

static int walk_lines(struct walk *walk, const struct text *text, struct cluster_error *error)
{
    const char *at = text->data, *end = text->data + text->len;

    for (int line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline != NULL ? newline : end;
        walk->at = at;
        walk->end = trimmed_end(at, line_end);
        const char *wrong = take_line(walk);
        if (wrong != NULL) {
            error->line = line;
            snprintf(error->text, sizeof error->text, "%s", wrong);
            return -1;
        }
        at = line_end + 1;
    }
    if (walk->count == 0)
        snprintf(error->text, sizeof error->text, "it names no node");
    return walk->count > 0 ? 0 : -1;
}

static int32_t id_of(const struct walk *walk, uint64_t node)
{
    int32_t id = 1;

    for (int32_t i = 0; i < walk->count; i++)
        id += walk->nodes[i] < node;
    return id;
}

static struct sockaddr_in to_address(uint64_t node, uint64_t below)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)(node - below)),
        .sin_addr.s_addr = htonl((uint32_t)(node >> PORT_BITS)),
    };
}

static void fill(struct cluster *cluster, const struct walk *walk)
{
    *cluster = (struct cluster){.self = id_of(walk, walk->nodes[0]), .count = walk->count};
    for (int32_t i = 0; i < walk->count; i++) {
        int32_t id = id_of(walk, walk->nodes[i]);
        cluster->clients[id - 1] = to_address(walk->nodes[i], 0);
        cluster->rafts[id - 1] = to_address(walk->nodes[i], CLUSTER_RAFT_PORT_BELOW);
    }
}

int cluster_read(const char *path, struct cluster *cluster, struct cluster_error *error)
{
    struct walk walk = {.count = 0};
    struct text text = {NULL, 0, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC), result = -1;

    *error = (struct cluster_error){.line = 0};
    if (fd < 0 || !read_all(fd, &text))
        snprintf(error->text, sizeof error->text, "%s", strerror(errno));
    else
        result = walk_lines(&walk, &text, error);
    if (fd >= 0)
        close(fd);
    free(text.data);
    if (result == 0)
        fill(cluster, &walk);
    return result;
}
