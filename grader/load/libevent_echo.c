/* libevent_echo.c - a peer: an echo server on libevent's buffer events, as in the chapters "Bufferevents"
 * and "Connection listeners" of its book. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The whole of what came moves to the output, without a copy. */
static void echo(struct bufferevent *connection, void *context)
{
    (void)context;
    bufferevent_write_buffer(connection, bufferevent_get_input(connection));
}

static void free_when_written(struct bufferevent *connection, void *context)
{
    (void)context;
    bufferevent_free(connection);
}

/* A client that only sends no more still gets what it is owed. */
static void on_event(struct bufferevent *connection, short events, void *context)
{
    struct evbuffer *output = bufferevent_get_output(connection);

    (void)context;
    if ((events & BEV_EVENT_EOF) != 0 && evbuffer_get_length(output) > 0)
        bufferevent_setcb(connection, NULL, free_when_written, on_event, NULL);
    else if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
        bufferevent_free(connection);
}

static void serve(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                  int len, void *context)
{
    struct event_base *base = evconnlistener_get_base(listener);
    struct bufferevent *connection = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)address;
    (void)len;
    (void)context;
    bufferevent_setcb(connection, echo, NULL, on_event, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct event_base *base = event_base_new();
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, serve, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                SOMAXCONN, (struct sockaddr *)&address, sizeof address);

    signal(SIGPIPE, SIG_IGN);
    if (listener == NULL ||
        getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &len) < 0)
        return EXIT_FAILURE;
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return event_base_dispatch(base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
