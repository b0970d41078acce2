/* libuv_echo.c - a peer: an echo server on libuv's streams, as in its guide ("Networking") and its own
 * test/echo-server.c. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct reply {
    uv_write_t request;
    uv_buf_t buffer;
};

static void allocate(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    (void)handle;
    buffer->base = malloc(suggested_size);
    buffer->len = suggested_size;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void after_write(uv_write_t *request, int status)
{
    struct reply *reply = (struct reply *)request;

    (void)status;
    free(reply->buffer.base);
    free(reply);
}

static void after_shutdown(uv_shutdown_t *request, int status)
{
    (void)status;
    uv_close((uv_handle_t *)request->handle, free_handle);
    free(request);
}

/* A client that only sends no more still gets what it is owed: uv_shutdown waits for that. */
static void end(uv_stream_t *stream, ssize_t error)
{
    uv_shutdown_t *request = error == UV_EOF ? malloc(sizeof *request) : NULL;

    if (request == NULL || uv_shutdown(request, stream, after_shutdown) < 0) {
        free(request);
        uv_close((uv_handle_t *)stream, free_handle);
    }
}

static void echo(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    if (n > 0) {
        struct reply *reply = malloc(sizeof *reply);
        reply->buffer = uv_buf_init(buffer->base, (unsigned)n);
        if (uv_write(&reply->request, stream, &reply->buffer, 1, after_write) < 0)
            after_write(&reply->request, -1);
        return;
    }
    free(buffer->base);
    if (n < 0)
        end(stream, n);
}

static void serve(uv_stream_t *server, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);

    (void)status;
    uv_tcp_init(server->loop, client);
    if (uv_accept(server, (uv_stream_t *)client) == 0)
        uv_read_start((uv_stream_t *)client, allocate, echo);
    else
        uv_close((uv_handle_t *)client, free_handle);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address;
    uv_tcp_t server;
    int len = sizeof address;

    signal(SIGPIPE, SIG_IGN);
    uv_tcp_init(loop, &server);
    uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_bind(&server, (struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&server, SOMAXCONN, serve) < 0 ||
        uv_tcp_getsockname(&server, (struct sockaddr *)&address, &len) < 0)
        return EXIT_FAILURE;
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
