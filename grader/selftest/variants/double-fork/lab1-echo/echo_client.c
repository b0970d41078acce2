/* echo_client.c - two processes share a connection: the child sends, the parent receives.
 *
 * shutdown(2) works on the connection, not on the descriptor, so the child can half-close for both.
 * Whether all was sent is a flag in memory that both see. */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0 at the end of input, -1 if it broke. */
static int copy(int from, int to)
{
    char text[3000];

    for (;;) {
        ssize_t n = read(from, text, sizeof text);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        for (ssize_t done = 0, m; done < n; done += m) {
            m = write(to, text + done, (size_t)(n - done));
            if (m < 0 && errno != EINTR)
                return -1;
            if (m < 0)
                m = 0;
        }
    }
}

static int call(const char *host, const char *port)
{
    struct addrinfo hints, *list, *a;
    int fd = -1, error;

    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    error = getaddrinfo(host, port, &hints, &list);
    if (error != 0)
        errx(1, "%s: %s", host, gai_strerror(error));
    for (a = list; a != NULL; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        error = errno;
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    errno = error;
    if (fd < 0)
        err(1, "%s:%s", host, port);
    return fd;
}

int main(int argc, char **argv)
{
    atomic_int *all_sent;
    int fd, result;
    pid_t child;

    if (argc != 3 || strspn(argv[2], "0123456789") != strlen(argv[2]) || atoi(argv[2]) < 1 ||
        atoi(argv[2]) > 65535 || strlen(argv[2]) > 5) {
        fprintf(stderr, "usage: echo_client HOST PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    all_sent =
        mmap(NULL, sizeof *all_sent, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all_sent == MAP_FAILED)
        err(1, "mmap");
    fd = call(argv[1], argv[2]);
    child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0) {
        if (copy(0, fd) == 0)
            *all_sent = 1;
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    result = copy(fd, 1);
    if (result < 0)
        warn("receive");
    else if (!*all_sent)
        warnx("the server closed before all was sent");
    result = result < 0 || !*all_sent;
    kill(child, SIGKILL); /* it may wait for a silent terminal */
    waitpid(child, NULL, 0);
    return result;
}
