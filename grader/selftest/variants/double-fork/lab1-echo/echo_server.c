/* echo_server.c - an echo server with a process for each client, forked twice.
 *
 * The child forks the grandchild that serves, and ends at once.  So the grandchild becomes an orphan,
 * which init(1) will reap, and the parent waits for a child that takes no time.  A SIGCHLD handler
 * reaps whatever else may become ours. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool shouting;

/* waitpid(2) sets errno, which belongs to whatever was interrupted. */
static void reap_children(int signal_number)
{
    int saved = errno;

    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = saved;
}

static int put(int fd, const char *text, ssize_t left)
{
    while (left > 0) {
        ssize_t n = send(fd, text, (size_t)left, 0);
        if (n >= 0) {
            text += n;
            left -= n;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static void shout(char *text, ssize_t length)
{
    while (length-- > 0) {
        if (*text >= 'a' && *text <= 'z')
            *text = (char)(*text + ('A' - 'a'));
        text++;
    }
}

static void serve(int fd)
{
    char text[5000];

    for (;;) {
        ssize_t n = recv(fd, text, sizeof text, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (shouting)
            shout(text, n);
        if (put(fd, text, n) < 0)
            break;
    }
}

static void serve_in_grandchild(int listener, int fd)
{
    pid_t child = fork();

    if (child < 0) {
        warn("fork");
        return;
    }
    if (child == 0) {
        close(listener);
        if (fork() == 0)
            serve(fd);
        _exit(0);
    }
    /* ECHILD: the handler was faster. */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int listen_on(int port)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t length = sizeof name;
    int yes = 1;
    int fd = socket(PF_INET, SOCK_STREAM, IPPROTO_TCP);

    name.sin_port = htons((uint16_t)port);
    name.sin_addr.s_addr = htonl(INADDR_ANY);
    if (fd < 0)
        err(1, "socket");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0)
        err(1, "SO_REUSEADDR");
    if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0)
        err(1, "bind");
    if (listen(fd, 32) < 0)
        err(1, "listen");
    if (getsockname(fd, (struct sockaddr *)&name, &length) < 0)
        err(1, "getsockname");
    printf("listening on %s:%d\n", inet_ntoa(name.sin_addr), ntohs(name.sin_port));
    return fd;
}

static void usage(void)
{
    fprintf(stderr, "usage: echo_server [--upper] --port N\n");
    exit(2);
}

static int parse(int argc, char **argv)
{
    const struct option options[] = {
        {.name = "port", .has_arg = 1, .val = 'p'},
        {.name = "upper", .val = 'u'},
        {.name = NULL},
    };
    int port = -1, length, c;

    opterr = 0; /* the usage line says it all */
    while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (c == 'u') {
            shouting = true;
        } else if (c == 'p') {
            if (sscanf(optarg, "%5[0-9]%n", (char[6]){0}, &length) != 1 || optarg[length] != '\0')
                usage();
            port = atoi(optarg);
        } else {
            usage();
        }
    }
    if (optind != argc || port < 0 || port > 65535)
        usage();
    return port;
}

int main(int argc, char **argv)
{
    struct sigaction on_child = {.sa_handler = reap_children, .sa_flags = SA_NOCLDSTOP};
    int port = parse(argc, argv);

    setlinebuf(stdout); /* nobody's buffer is full when it forks */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&on_child.sa_mask);
    sigaction(SIGCHLD, &on_child, NULL);
    int listener = listen_on(port);

    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            serve_in_grandchild(listener, fd);
            close(fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            warn("accept");
            usleep(200000);
        }
    }
}
