/* cluster.h - which nodes there are: the file that names them. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include <netinet/in.h>
#include <stdint.h>

enum { CLUSTER_MOST_NODES = 64, CLUSTER_RAFT_PORT_BELOW = 1000 };

struct cluster {
    int32_t self, count; /* ids are 1 to count */
    /* Of the node with the id i + 1, in network byte order: where clients come, and at the same
     * address, with a port lower by 1000, the other nodes. */
    struct sockaddr_in clients[CLUSTER_MOST_NODES], rafts[CLUSTER_MOST_NODES];
};

/* What is wrong with a file, and in which of its lines, from 1; 0: with all of it. */
struct cluster_error {
    int line;
    char text[100];
};

/* Reads a file of lines "follower_info ADDRESS:PORT", this node's own first.  Ids are ranks in the
 * order of IPv4 address, then of port.  Blank lines, and those that start with '!' or '#', are
 * comments; blanks between key and address and at a line's end, CR LF and a missing last LF are
 * fine.  -1 with *error, of the first line that is wrong: the file can't be read, or names no node;
 * another key; no IPv4 address in decimals, or 0.0.0.0, which is every interface; a port of other
 * than digits, above 65535, or of which 1000 is more than can be taken; a node that comes twice; a
 * Raft port that is a client port at the same address; one node too many. */
int cluster_read(const char *path, struct cluster *cluster, struct cluster_error *error);

#endif
