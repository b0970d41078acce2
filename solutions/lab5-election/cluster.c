/* cluster.c - the file of cluster.h, read line by line.
 *
 * Each node is put in its place as it comes, so the array is in order all the time; and what is
 * wrong with a node, by itself or beside those before it, is known while its line is at hand. */
#include "cluster.h"

#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static const char KEY[] = "follower_info", BLANKS[] = " \t";

/* For "return fail(error, ...);". */
#define fail(error, ...) (snprintf((error)->text, sizeof(error)->text, __VA_ARGS__), -1)

/* Cuts off what may end a line. */
static void trim(char *line, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
        len--;
    line[len] = '\0';
}

static bool is_comment(const char *line)
{
    return line[0] == '\0' || line[0] == '!' || line[0] == '#';
}

static int parse_address(char *text, struct sockaddr_in *address, struct cluster_error *error)
{
    char *colon = strrchr(text, ':');

    if (colon == NULL)
        return fail(error, "no port: ADDRESS:PORT is needed");
    *colon = '\0';
    if (inet_pton(AF_INET, text, &address->sin_addr) != 1 ||
        address->sin_addr.s_addr == htonl(INADDR_ANY))
        return fail(error, "'%.40s' is no IPv4 address of a node", text);
    int port = net_parse_port(colon + 1);
    if (port <= CLUSTER_RAFT_PORT_BELOW)
        return fail(error, "a port is a number from %d to 65535, not '%.20s'",
                    CLUSTER_RAFT_PORT_BELOW + 1, colon + 1);
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)port);
    return 0;
}

static int parse_line(char *line, struct sockaddr_in *address, struct cluster_error *error)
{
    size_t key = strcspn(line, BLANKS);

    if (key != strlen(KEY) || strncmp(line, KEY, key) != 0)
        return fail(error, "unknown key '%.*s': follower_info is known", key < 40 ? (int)key : 40,
                    line);
    line += key;
    return parse_address(line + strspn(line, BLANKS), address, error);
}

/* Numbers in the order of addresses, and of ports at the same one. */
static uint64_t rank(const struct sockaddr_in *address)
{
    return (uint64_t)ntohl(address->sin_addr.s_addr) << 16 | ntohs(address->sin_port);
}

static int check_beside(const struct sockaddr_in *new, const struct sockaddr_in *other,
                        struct cluster_error *error)
{
    int apart = abs(ntohs(new->sin_port) - ntohs(other->sin_port));

    if (new->sin_addr.s_addr != other->sin_addr.s_addr)
        return 0;
    if (apart == 0)
        return fail(error, "this node is named twice");
    if (apart == CLUSTER_RAFT_PORT_BELOW)
        return fail(error, "the Raft port of one node is the client port of another: %d and %d",
                    ntohs(other->sin_port), ntohs(new->sin_port));
    return 0;
}

static int add(struct cluster *cluster, const struct sockaddr_in *new, struct cluster_error *error)
{
    int32_t place = cluster->count;

    if (cluster->count == CLUSTER_MOST_NODES)
        return fail(error, "there are more than %d nodes", CLUSTER_MOST_NODES);
    for (int32_t i = 0; i < cluster->count; i++)
        if (check_beside(new, &cluster->clients[i], error) < 0)
            return -1;
    for (; place > 0 && rank(&cluster->clients[place - 1]) > rank(new); place--)
        cluster->clients[place] = cluster->clients[place - 1];
    cluster->clients[place] = *new;
    if (cluster->count++ == 0 || place < cluster->self)
        cluster->self++; /* the first node is this one; those that go before it move it up */
    return 0;
}

static int take_line(struct cluster *cluster, char *line, size_t len, struct cluster_error *error)
{
    struct sockaddr_in address = {0};

    error->line++;
    if (strlen(line) < len)
        return fail(error, "there is a NUL byte");
    trim(line, len);
    if (is_comment(line))
        return 0;
    if (parse_line(line, &address, error) < 0)
        return -1;
    return add(cluster, &address, error);
}

static int read_lines(FILE *file, struct cluster *cluster, struct cluster_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    int result = 0;
    ssize_t len;

    while (result == 0 && (len = getline(&line, &capacity, file)) >= 0)
        result = take_line(cluster, line, (size_t)len, error);
    free(line);
    if (result < 0)
        return -1;
    error->line = 0;
    if (!feof(file))
        return fail(error, "%s", strerror(errno));
    return cluster->count > 0 ? 0 : fail(error, "no node is named");
}

static void set_raft_ports(struct cluster *cluster)
{
    for (int32_t i = 0; i < cluster->count; i++) {
        int port = ntohs(cluster->clients[i].sin_port) - CLUSTER_RAFT_PORT_BELOW;
        cluster->rafts[i] = cluster->clients[i];
        cluster->rafts[i].sin_port = htons((uint16_t)port);
    }
}

int cluster_read(const char *path, struct cluster *cluster, struct cluster_error *error)
{
    FILE *file = fopen(path, "re");

    *cluster = (struct cluster){0};
    *error = (struct cluster_error){0};
    if (file == NULL)
        return fail(error, "%s", strerror(errno));
    int result = read_lines(file, cluster, error);
    fclose(file);
    set_raft_ports(cluster);
    return result;
}
