/* cluster.c - the file of cluster.h, read line by line.
 *
 * The nodes are kept in order while they come, so a node's id is its place at any time.  Each new
 * one is compared with all that came before it, while its line is still known. */
#include "cluster.h"

#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* For "return fail(error, ...);". */
#define fail(error, ...) (snprintf((error)->text, sizeof(error)->text, __VA_ARGS__), -1)

static const char KEY[] = "follower_info";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts off LF, then CR, then blanks: there may be none of each.  Returns what is left. */
static size_t trim(char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\n')
        len--;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    while (len > 0 && is_blank(line[len - 1]))
        len--;
    line[len] = '\0';
    return len;
}

static bool is_comment(const char *line, size_t len)
{
    return len == 0 || line[0] == '!' || line[0] == '#';
}

/* net_parse_port takes digits only; strtol(3) and atoi(3) take blanks, signs, and what follows. */
static int parse_address(char *text, struct sockaddr_in *address, struct cluster_error *error)
{
    char *colon = strchr(text, ':');

    if (colon == NULL)
        return fail(error, "'%.40s' is no ADDRESS:PORT", text);
    *colon = '\0';
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    if (inet_pton(AF_INET, text, &address->sin_addr) != 1)
        return fail(error, "'%.40s' is no IPv4 address", text);
    if (address->sin_addr.s_addr == htonl(INADDR_ANY))
        return fail(error, "0.0.0.0 is every interface, and no address of a node");
    int port = net_parse_port(colon + 1);
    if (port < 0)
        return fail(error, "'%.40s' is no port", colon + 1);
    if (port <= CLUSTER_RAFT_PORT_BELOW)
        return fail(error, "port %d leaves no Raft port, which is lower by %d", port,
                    CLUSTER_RAFT_PORT_BELOW);
    address->sin_port = htons((uint16_t)port);
    return 0;
}

/* Both are in network byte order, which no comparison can do with. */
static uint64_t rank(const struct sockaddr_in *address)
{
    return (uint64_t)ntohl(address->sin_addr.s_addr) << 16 | ntohs(address->sin_port);
}

static struct sockaddr_in raft_address(const struct sockaddr_in *client)
{
    struct sockaddr_in raft = *client;

    raft.sin_port = htons((uint16_t)(ntohs(client->sin_port) - CLUSTER_RAFT_PORT_BELOW));
    return raft;
}

static int check_ports(const struct cluster *cluster, const struct sockaddr_in *new,
                       struct cluster_error *error)
{
    struct sockaddr_in new_raft = raft_address(new);

    for (int32_t i = 0; i < cluster->count; i++) {
        if (rank(&cluster->clients[i]) == rank(new))
            return fail(error, "this node was named before");
        if (rank(&cluster->clients[i]) == rank(&new_raft) || rank(&cluster->rafts[i]) == rank(new))
            return fail(error, "a Raft port is the client port of another node");
    }
    return 0;
}

/* Those behind the new one move up, and this node, which came first, may be one of them. */
static int add(struct cluster *cluster, const struct sockaddr_in *new, struct cluster_error *error)
{
    int32_t place = cluster->count;

    if (check_ports(cluster, new, error) < 0)
        return -1;
    if (cluster->count == CLUSTER_MOST_NODES)
        return fail(error, "there are more than %d nodes", CLUSTER_MOST_NODES);
    for (; place > 0 && rank(&cluster->clients[place - 1]) > rank(new); place--) {
        cluster->clients[place] = cluster->clients[place - 1];
        cluster->rafts[place] = cluster->rafts[place - 1];
    }
    cluster->clients[place] = *new;
    cluster->rafts[place] = raft_address(new);
    cluster->count++;
    if (cluster->self == 0 || place < cluster->self)
        cluster->self++;
    return 0;
}

/* A line that holds a NUL would be read up to there only. */
static int take_line(struct cluster *cluster, char *line, size_t len, struct cluster_error *error)
{
    struct sockaddr_in address;
    size_t key = sizeof KEY - 1;

    len = trim(line, len);
    if (is_comment(line, len))
        return 0;
    if (memchr(line, '\0', len) != NULL)
        return fail(error, "there is a NUL in this line");
    if (strncmp(line, KEY, key) != 0 || !is_blank(line[key]))
        return fail(error, "a line begins with '%s ', and not with '%.20s'", KEY, line);
    for (line += key; is_blank(*line); line++)
        ;
    return parse_address(line, &address, error) < 0 ? -1 : add(cluster, &address, error);
}

static int read_lines(FILE *file, struct cluster *cluster, struct cluster_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    int result = 0, number = 0;

    while (result == 0 && (len = getline(&line, &capacity, file)) >= 0) {
        number++;
        result = take_line(cluster, line, (size_t)len, error);
    }
    if (result < 0)
        error->line = number;
    else if (!feof(file))
        result = fail(error, "%s", strerror(errno));
    else if (cluster->count == 0)
        result = fail(error, "no node is named");
    free(line);
    return result;
}

int cluster_read(const char *path, struct cluster *cluster, struct cluster_error *error)
{
    *cluster = (struct cluster){0};
    *error = (struct cluster_error){0};
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(error, "%s", strerror(errno));
    int result = read_lines(file, cluster, error);
    fclose(file);
    return result;
}
