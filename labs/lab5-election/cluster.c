/* cluster.c - the file of cluster.h, read line by line.
 *
 * What is wrong with a node beside those before it, and at which moment is its line still known? */
#include "cluster.h"

#include "net.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* For "return fail(error, ...);". */
#define fail(error, ...) (snprintf((error)->text, sizeof(error)->text, __VA_ARGS__), -1)

/* Cuts off what may end a line: which bytes are that? */
static void trim(char *line, size_t len)
{
    (void)line;
    (void)len;
    /* Your code here. */
}

static bool is_comment(const char *line)
{
    (void)line;
    /* Your code here. */
    return false;
}

/* inet_pton(3) takes decimals alone; what do strtol(3) and atoi(3) take that is no port? */
static int parse_address(char *text, struct sockaddr_in *address, struct cluster_error *error)
{
    (void)text;
    (void)address;
    /* Your code here. */
    return fail(error, "addresses can't be read yet");
}

/* What comes first, in numeric order?  In which byte order is an address, and a port? */
static uint64_t rank(const struct sockaddr_in *address)
{
    (void)address;
    /* Your code here. */
    return 0;
}

/* Puts a node in its place.  Who moves up, and which of them may be this node? */
static int add(struct cluster *cluster, const struct sockaddr_in *new, struct cluster_error *error)
{
    (void)cluster;
    (void)new;
    (void)rank;
    /* Your code here. */
    return fail(error, "nodes can't be told apart yet");
}

static int take_line(struct cluster *cluster, char *line, size_t len, struct cluster_error *error)
{
    (void)cluster;
    (void)trim;
    (void)is_comment;
    (void)parse_address;
    (void)add;
    (void)line;
    (void)len;
    /* Your code here. */
    return fail(error, "lines can't be read yet");
}

/* getline(3) reads lines of any length.  Its -1 is the end of the file: or what else? */
int cluster_read(const char *path, struct cluster *cluster, struct cluster_error *error)
{
    *cluster = (struct cluster){0};
    *error = (struct cluster_error){0};
    (void)path;
    (void)take_line;
    /* Your code here. */
    return fail(error, "cluster_read is not written yet");
}
