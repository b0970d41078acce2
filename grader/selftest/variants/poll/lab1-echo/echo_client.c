/* echo_client.c - keyboard to server and server to screen, in one thread.
 *
 * poll(2) tells which of the four ends can move.  The socket is made non-blocking; standard input
 * and output are not, since that would change them for the shell, too: they are only touched when
 * ready, and a pipe that is ready takes PIPE_BUF bytes without blocking: pipe(7). */
#include "endpoint.h"
#include "options.h"
#include "ring.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ring up, down;

static int failure(const char *what)
{
    fprintf(stderr, "echo_client: %s\n", what);
    return 1;
}

static int copy_both_ways(int server)
{
    bool input_ended = false, sent_all = false, server_ended = false;

    while (!server_ended || down.used > 0) {
        struct pollfd ends[] = {
            {.fd = input_ended || up.used == RING_SIZE ? -1 : STDIN_FILENO, .events = POLLIN},
            {.fd = server_ended ? -1 : server},
            {.fd = down.used > 0 ? STDOUT_FILENO : -1, .events = POLLOUT},
        };
        ends[1].events =
            (short)((up.used > 0 ? POLLOUT : 0) | (down.used < RING_SIZE ? POLLIN : 0));
        if (ends[1].events == 0)
            ends[1].fd = -1; /* else POLLHUP would come at once, each time */
        if (poll(ends, 3, -1) < 0)
            continue;

        if (ends[0].revents != 0) {
            enum ring_result result = ring_fill(&up, STDIN_FILENO, false);
            if (result == RING_ERROR)
                return failure("cannot read standard input");
            input_ended = result == RING_END;
        }
        if (ends[1].revents & ~POLLIN && ring_drain(&up, server, RING_SIZE) == RING_ERROR &&
            !(ends[1].revents & POLLIN))
            return failure("the connection broke");
        if (input_ended && up.used == 0 && !sent_all) {
            sent_all = true;
            shutdown(server, SHUT_WR);
        }
        if (ends[1].revents & ~POLLOUT) {
            enum ring_result result = ring_fill(&down, server, false);
            if (result == RING_ERROR)
                return failure("the connection broke");
            server_ended = result == RING_END;
        }
        if (ends[2].revents != 0 && ring_drain(&down, STDOUT_FILENO, PIPE_BUF) == RING_ERROR)
            return failure("cannot write standard output");
        if (server_ended && !sent_all && down.used == 0)
            return failure("the server closed before everything was sent");
    }
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc != 3 || options_number(argv[2], 1, 65535) < 0) {
        fprintf(stderr, "usage: echo_client HOST PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int server = endpoint_dial(argv[1], argv[2], SOCK_STREAM);
    if (server < 0)
        return 1;
    fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_NONBLOCK);
    return copy_both_ways(server);
}
