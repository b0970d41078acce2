/* election_bench.c - elections in virtual time, a second of CPU time.
 *
 *     election_bench SERVERS SECONDS
 *
 * A cluster elects a leader, which stops; the others elect another one, and the first goes on as a
 * follower.  Prints elections a second. */
#include "election_bench.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 20 };

static int complain(const char *words)
{
    fprintf(stderr, "%s\n", words);
    return EXIT_FAILURE;
}

/* The next leader, or 0 where there is none or it is the one that stopped. */
static int depose(int leader)
{
    cluster.stop(leader);
    int next = cluster.elect();
    cluster.resume(leader);
    return next == leader ? 0 : next;
}

int main(int argc, char **argv)
{
    long servers = argc == 3 ? strtol(argv[1], NULL, 10) : 0;

    if (servers < 3 || servers > MOST_SERVERS)
        return complain("usage: election_bench SERVERS SECONDS");
    double seconds = strtod(argv[2], NULL), began = cpu_ns(), took = 0, elections = 0;
    if (!cluster.begin((int)servers))
        return complain("not enough memory");
    int leader = cluster.elect();
    while (took < seconds * 1e9) {
        for (int i = 0; i < BATCH && leader != 0; i++)
            leader = depose(leader);
        if (leader == 0)
            return complain("no leader was elected");
        elections += BATCH;
        took = cpu_ns() - began;
    }
    printf("%.3f\n", elections * 1e9 / took);
    return EXIT_SUCCESS;
}
