/* election_libraft.c - canonical/raft, in the simulator that it brings along for its own tests. */
#include "election_bench.h"

#include <raft/fixture.h>
#include <stdlib.h>

static struct raft_fixture fixture;
static struct raft_fsm machines[MOST_SERVERS];

static int apply(struct raft_fsm *machine, const struct raft_buffer *data, void **result)
{
    (void)machine;
    (void)data;
    *result = NULL;
    return 0;
}

static bool begin(int servers)
{
    struct raft_configuration members;
    unsigned n = (unsigned)servers;

    if (raft_fixture_initialize(&fixture) != 0)
        return false;
    for (unsigned i = 0; i < n; i++) {
        machines[i] = (struct raft_fsm){.version = 1, .apply = apply};
        if (raft_fixture_grow(&fixture, &machines[i]) != 0)
            return false;
    }
    if (raft_fixture_configuration(&fixture, n, &members) != 0 ||
        raft_fixture_bootstrap(&fixture, &members) != 0)
        return false;
    raft_configuration_close(&members);
    for (unsigned i = 0; i < n; i++) {
        raft_set_election_timeout(raft_fixture_get(&fixture, i), ELECTION_MIN_MS);
        raft_set_heartbeat_timeout(raft_fixture_get(&fixture, i), HEARTBEAT_MS);
        raft_fixture_set_network_latency(&fixture, i, LATENCY_MS);
        raft_fixture_set_disk_latency(&fixture, i, 0);
    }
    return raft_fixture_start(&fixture) == 0;
}

static bool is_followed_by_all(struct raft_fixture *f, void *leader)
{
    unsigned found = raft_fixture_n(f);

    for (unsigned i = 0; i < raft_fixture_n(f); i++) {
        raft_id id;
        const char *address;
        if (!raft_fixture_alive(f, i))
            continue;
        raft_leader(raft_fixture_get(f, i), &id, &address);
        if (id == 0 || !raft_fixture_alive(f, (unsigned)id - 1) ||
            (found < raft_fixture_n(f) && found != id - 1))
            return false;
        found = (unsigned)id - 1;
    }
    *(int *)leader = (int)found + 1;
    return true;
}

static int elect(void)
{
    int leader = 0;

    raft_fixture_step_until(&fixture, is_followed_by_all, &leader, PATIENCE_MS);
    return leader;
}

static void stop(int server)
{
    raft_fixture_kill(&fixture, (unsigned)server - 1);
}

static void resume(int server)
{
    raft_fixture_revive(&fixture, (unsigned)server - 1);
}

const struct cluster_bench cluster = {begin, elect, stop, resume};
