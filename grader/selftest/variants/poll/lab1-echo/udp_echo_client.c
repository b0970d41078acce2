/* udp_echo_client.c - asks once for each line of standard input, and again where no answer came.
 *
 * The socket is connected and blocking; a timer descriptor says when the patience for one try is
 * over, and poll(2) waits for both. */
#include "endpoint.h"
#include "options.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static bool is_answer(int server, const char *line, size_t size)
{
    static char reply[65536];
    ssize_t length = recv(server, reply, sizeof reply, MSG_DONTWAIT);

    return length == (ssize_t)size && memcmp(reply, line, size) == 0;
}

static bool try_once(int server, int timer, int timeout_ms, const char *line, size_t size)
{
    struct pollfd both[] = {{.fd = server, .events = POLLIN}, {.fd = timer, .events = POLLIN}};
    struct itimerspec once = {
        .it_value = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L},
    };

    timerfd_settime(timer, 0, &once, NULL); /* which also takes back an earlier expiry */
    while (send(server, line, size, 0) < 0 && errno == EINTR)
        ; /* whether it fails otherwise or is lost is all one */
    for (;;) {
        if (poll(both, 2, -1) < 0)
            continue;
        if (both[0].revents != 0 && is_answer(server, line, size))
            return true;
        if (both[1].revents != 0)
            return false;
    }
}

static bool ask(int server, int timer, int timeout_ms, int tries, const char *line, size_t size)
{
    while (tries-- > 0)
        if (try_once(server, timer, timeout_ms, line, size))
            return true;
    return false;
}

int main(int argc, char *argv[])
{
    int timeout_ms = 1000, tries = 3;
    const struct option_rule rules[] = {
        {.name = "timeout", .number = &timeout_ms, .min = 1, .max = 86400000},
        {.name = "tries", .number = &tries, .min = 1, .max = 1000000},
        {.name = NULL},
    };
    int first = options_parse(argc, argv, rules);
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    if (first < 0 || argc - first != 2 || options_number(argv[first + 1], 1, 65535) < 0) {
        fprintf(stderr, "usage: udp_echo_client [--timeout MS] [--tries N] HOST PORT\n");
        return 2;
    }
    int server = endpoint_dial(argv[first], argv[first + 1], SOCK_DGRAM);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    if (server < 0 || timer < 0)
        return 1;
    while ((size = getline(&line, &room, stdin)) >= 0) {
        size_t length = (size_t)size - (size > 0 && line[size - 1] == '\n');
        if (!ask(server, timer, timeout_ms, tries, line, length)) {
            fprintf(stderr, "udp_echo_client: nobody answers\n");
            free(line);
            return 1;
        }
        fwrite(line, 1, length, stdout);
        fputc('\n', stdout);
        fflush(stdout);
    }
    free(line);
    return 0;
}
