/* sequential_server.c - the recipe of a TCP server, for one client at a time: listen, accept, read,
 * write, close.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o sequential_server sequential_server.c
 *     ./sequential_server            it listens on 127.0.0.1:8888 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 8888, BACKLOG = 16, CHUNK_SIZE = 512 };

/* Says which call failed, and why. */
static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

/* [listen] */
static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int on = 1;

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0)
        give_up("socket");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        give_up("setsockopt");
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        give_up("bind");
    if (listen(listener, BACKLOG) < 0)
        give_up("listen");
    return listener;
}
/* [listen-end] */

/* [write-all] */
/* Returns 0, or -1 if the client is gone. */
static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}
/* [write-all-end] */

/* [serve] */
/* Returns when the client has sent its last byte and was sent it back, or is gone. */
static void serve(int client)
{
    char chunk[CHUNK_SIZE];
    ssize_t n;

    while ((n = read(client, chunk, sizeof chunk)) > 0)
        if (write_all(client, chunk, (size_t)n) < 0)
            break;
    if (n < 0)
        perror("read");
}
/* [serve-end] */

/* [main] */
int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* a write to a client that left shall fail, not kill */

    int listener = listen_on(PORT);
    printf("listening on 127.0.0.1:%d\n", PORT);
    fflush(stdout);

    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0 && errno == ECONNABORTED)
            continue; /* that one client is gone; the listener is well */
        if (client < 0)
            give_up("accept");
        serve(client);
        close(client);
    }
}
/* [main-end] */
